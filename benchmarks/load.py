"""Whether load changes verdicts: the same mixed programs on a quiet machine and beside eight busy loops a core.

python benchmarks/load.py --programs 1000 --fold 8
"""

from __future__ import annotations

import argparse
import collections
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields

from transfer_eval.doctor import limits_of, toy_task
from transfer_eval.execution.pool import Pool, cores
from transfer_eval.execution.sandbox import choose
from transfer_eval.language import Conformance, Language, find, load_all
from transfer_eval.program import Program, assemble
from transfer_eval.toolchain import State, locate
from transfer_eval.whole_program import result_row

ENDLESS_LANGUAGES = 4
ENDLESS = ("loop", "memory", "fork", "flood")  # each takes its whole limit, and says nothing more a second time


def programs(languages: Sequence[Language], count: int) -> Iterator[tuple[str, Language, Program]]:
    """So many programs of all languages and behaviours, each different by a line of its own output."""
    ordinary = [field.name for field in fields(Conformance) if field.name not in ENDLESS]
    made = 0
    for behaviour in ENDLESS:
        for language in languages[:ENDLESS_LANGUAGES]:
            code = getattr(language.conformance, behaviour)
            yield f"{language.name} {behaviour}", language, assemble(toy_task(language), code, language)
            made += 1
    while made < count:
        language = languages[made % len(languages)]
        behaviour = ordinary[made // len(languages) % len(ordinary)]
        task = toy_task(language)
        program = assemble(task, getattr(language.conformance, behaviour), language)
        # Another expectation for each, right or wrong as before, so that no two are equal.
        source = program.source.replace("1337", str(1337 + made)).replace("1000", str(1000 + made), 1)
        if behaviour not in ("good_flood",) and source.count(str(1000 + made)):
            program = Program(language.name, source, program.tests_at)
        yield f"{language.name} {behaviour} {made}", language, program
        made += 1


@contextmanager
def busy(count: int) -> Iterator[None]:
    """So many loops that never rest."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        time.sleep(1)
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def verdicts(batch: Sequence[tuple[str, Language, Program]]) -> dict[str, str]:
    """Each program's verdict."""
    start = time.monotonic()
    with Pool(choose()) as pool:
        futures = []
        for label, language, program in batch:
            behaviour = label.split()[1]
            futures.append((label, language, pool.submit(program, language, limits_of(behaviour, language))))
        found = {label: str(result_row(language, future)["verdict"]) for label, language, future in futures}
    report, seconds = pool.report, time.monotonic() - start
    print(f"{seconds:.0f} s, {report.retried} timeouts run again, {len(report.flips)} flips, lost: {dict(report.lost)}")
    print(dict(collections.Counter(found.values())), flush=True)
    return found


def main() -> None:
    """Run both, compare."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--langs", help="comma-separated; all that are here by default")
    parser.add_argument("--fold", type=int, default=8, help="busy loops a core")
    chosen = parser.parse_args()
    wanted = [find(name) for name in chosen.langs.split(",")] if chosen.langs else list(load_all().values())
    languages = [language for language in wanted if locate(language).state is State.INSTALLED]
    batch = list(programs(languages, chosen.programs))
    print(f"{len(batch)} programs in {len(languages)} languages, quiet machine", flush=True)
    quiet = verdicts(batch)
    print(f"beside {chosen.fold * cores()} busy loops", flush=True)
    with busy(chosen.fold * cores()):
        loaded = verdicts(batch)
    changed = [label for label in quiet if quiet[label] != loaded[label]]
    for label in changed:
        print(f"{label}: {quiet[label]} on the quiet machine, {loaded[label]} on the loaded one")
    print(f"{len(changed)} of {len(batch)} verdicts differ")
    sys.exit(bool(changed))


if __name__ == "__main__":
    main()
