"""Things that die in the middle cost no result and no wrong verdict, and nothing outlives the harness."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import needs
from transfer_eval.doctor import toy_task
from transfer_eval.execution.pool import Pool
from transfer_eval.execution.sandbox import Sandbox, choose
from transfer_eval.language import Language
from transfer_eval.program import Program, assemble
from transfer_eval.verdict import Verdict, judge


def stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def below(root: int) -> dict[int, str]:
    """Every process below ``root`` with its start time, which tells it from a later one of the same number."""
    stats = {int(entry.name): stat(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    found, grew = {root}, True
    while grew:
        more = {pid for pid, fields in stats.items() if fields and int(fields[1]) in found} - found
        found |= more
        grew = bool(more)
    return {pid: stats[pid][19] for pid in found - {root} if stats[pid]}


@pytest.fixture
def others() -> set[int]:
    """What other tests keep below us."""
    return set(below(os.getpid()))


def programs(language: Language, count: int) -> Iterator[tuple[Program, Verdict]]:
    """Right and wrong ones in turn, no two equal."""
    task = toy_task(language)
    for number in range(count):
        right = number % 2 == 0
        code = language.conformance.good if right else language.conformance.wrong
        source = assemble(task, code, language)
        text = source.source.replace("1337", f"{1337 + number}").replace("1000", f"{1000 + number}")
        yield Program(language.name, text), Verdict.PASSED if right else Verdict.WRONG


@pytest.mark.parametrize("kind", ["bwrap", "none"])
@pytest.mark.parametrize("name", ["python", pytest.param("typescript", marks=pytest.mark.slow), "lua"])
def test_killing_whatever_is_there(name: str, kind: str, others: set[int]) -> None:
    language = needs(name)
    stop, killed = threading.Event(), 0
    pause = 0.25 if language.compile is None else 6.0  # a compiler takes longer to start again

    def kill() -> None:
        nonlocal killed
        dice = random.Random(7)
        while not stop.wait(pause):
            victims = sorted(set(below(os.getpid())) - others)
            if victims:
                killed += 1
                try:
                    os.kill(dice.choice(victims), dice.choice([signal.SIGKILL, signal.SIGTERM]))
                except ProcessLookupError:
                    continue

    expected = list(programs(language, 60))
    with Pool(choose(kind), 2) as pool:
        killer = threading.Thread(target=kill)
        killer.start()
        try:
            for _ in range(3):
                futures = [pool.submit(program, language) for program, _ in expected]
                found = [judge(future.result(300), language) for future in futures]
                assert [v is Verdict.PASSED for v in found] == [v is Verdict.PASSED for _, v in expected]
        finally:
            stop.set()
            killer.join()
    assert killed
    assert not set(below(os.getpid())) - others


HARNESS = """
import sys
from transfer_eval.execution.pool import Pool
from transfer_eval.execution.sandbox import choose
from transfer_eval.language import find
from transfer_eval.program import Program
sleep = "import subprocess, time\\nsubprocess.Popen(['sleep', '4321'], start_new_session=True)\\ntime.sleep(1000)\\n"
with Pool(choose(sys.argv[1]), 2) as pool:
    for name in ("python", "perl", "lua"):
        pool.submit(Program(name, "print(1)"), find(name)).result()
    print("warm", flush=True)
    futures = [pool.submit(Program("python", sleep + str(number)), find("python")) for number in range(2)]
    [future.result() for future in futures]
"""


@pytest.mark.parametrize("kind", ["bwrap", "none"])
def test_a_killed_harness_leaves_nothing_behind(kind: str) -> None:
    for name in ("python", "perl", "lua"):
        needs(name)
    process = subprocess.Popen([sys.executable, "-c", HARNESS, kind], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "warm\n"
    deadline = time.monotonic() + 60
    while sum("4321" in Path(f"/proc/{pid}/cmdline").read_text() for pid in below(process.pid) if stat(pid)) < 2:
        assert time.monotonic() < deadline, "the programs do not start"
        time.sleep(0.1)
    before = below(process.pid)
    assert len(before) >= 6
    process.kill()
    process.wait()
    time.sleep(2)
    left = {pid for pid, start in before.items() if (fields := stat(pid)) and fields[19] == start and fields[0] != "Z"}
    assert not left
    process.stdout.close()


def test_nothing_adds_up(sandbox: Sandbox, others: set[int]) -> None:
    languages = [needs(name) for name in ("lua", "python", "perl")]

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    with Pool(sandbox, 2) as pool:
        sizes = []
        for block in range(4):
            futures = []
            for number in range(250):
                language = languages[number % len(languages)]
                futures.append(pool.submit(Program(language.name, f"print({block * 1000 + number});"), language))
            said = [future.result(300).last.stdout.split()[0] for future in futures]
            assert said == [str(block * 1000 + number) for number in range(250)]
            sizes.append((resident(), len(list(Path("/proc/self/fd").iterdir())), len(below(os.getpid()))))
    assert sizes[-1][0] - sizes[0][0] < 8 << 20
    assert sizes[-1][1] <= sizes[0][1]
    assert sizes[-1][2] <= sizes[0][2] + 2
    assert not set(below(os.getpid())) - others
