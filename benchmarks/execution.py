"""How fast programs are executed: MultiPL-E's way, the bare processes, ours cold, ours warm, side by side.

All four run the same programs in one sitting, in turns, so that whatever else the machine does falls on all of them.
The programs answer a toy problem in each language's own MultiPL-E frame: one in four is wrong, each is different.

    python benchmarks/execution.py --programs 100 --out results/execution
"""

from __future__ import annotations

import argparse
import csv
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import meter
import upstream

from transfer_eval.doctor import toy_task
from transfer_eval.execution.pool import Pool, Ways, cores
from transfer_eval.execution.sandbox import choose
from transfer_eval.language import Language, find
from transfer_eval.program import Program, assemble
from transfer_eval.toolchain import State, locate

WARM_AT_LEAST = 40
BATCH_SECONDS = 2.5
PER_PROBLEM = 4  # answers to a problem, which is what MultiPL-E runs at the same time
TARGETS = {  # programs per second and core
    "lua": 200, "bash": 200, "php": 200, "python": 200, "r": 80, "julia": 5, "typescript": 15, "cpp": 3.5, "java": 10
}  # fmt: skip
WAYS = ("MultiPL-E", "bare", "cold", "warm")
MIXED = "mixed"


@dataclass
class Figures:
    """What one way of running used for so many programs."""

    programs: int = 0
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    peak_mb: float = 0.0
    wrong: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Programs per CPU second."""
        return self.programs / max(self.cpu_seconds, 1e-9)

    @property
    def cpu_ms(self) -> float:
        """CPU milliseconds of a program."""
        return 1000 * self.cpu_seconds / max(1, self.programs)

    @property
    def wall_ms(self) -> float:
        """Wall milliseconds of a program."""
        return 1000 * self.wall_seconds / max(1, self.programs)


@dataclass(frozen=True)
class Case:
    """A program, and whether it is right."""

    language: Language
    program: Program
    right: bool


Runner = Callable[[Sequence[Case]], list[bool]]


def cases(language: Language, count: int, start: int) -> list[Case]:
    """So many programs, one in four of them wrong, no two equal: each adds another number in its last test."""
    task = toy_task(language)
    made = []
    for number in range(start, start + count):
        right = number % PER_PROBLEM != PER_PROBLEM - 1
        code = language.conformance.good if right else language.conformance.wrong
        tests = re.sub(r"(?<!\d)(1000|1337)(?!\d)", partial(_more, number), task.tests)
        made.append(Case(language, assemble(replace(task, tests=tests), code, language), right))
    return made


def _more(number: int, match: re.Match[str]) -> str:
    return str(int(match[1]) + number)


def by_upstream(jobs: int, places: dict[str, str]) -> Runner:
    """MultiPL-E's way: problem by problem."""

    def run(batch: Sequence[Case]) -> list[bool]:
        results = []
        for first in range(0, len(batch), PER_PROBLEM):
            problem = batch[first : first + PER_PROBLEM]
            sources = [case.program.source for case in problem]
            results += upstream.run_problem(problem[0].language.name, sources, jobs, places)
        return results

    return run


def bare(places: dict[str, str]) -> Runner:
    """Each command a plain process, one after the other: what the toolchain itself costs."""

    def run(batch: Sequence[Case]) -> list[bool]:
        names = [(case.language.name, case.program.source) for case in batch]
        return [upstream.run_one(name, source, places, polled=False) for name, source in names]

    return run


def ours(pool: Pool) -> Runner:
    """Our queue."""

    def run(batch: Sequence[Case]) -> list[bool]:
        futures = [pool.submit(case.program, case.language) for case in batch]
        return [bool(future.result().proved) and future.result().last.succeeded for future in futures]

    return run


def measure(figures: Figures, run: Runner, batch: Sequence[Case]) -> None:
    """Run a batch in one way, adding to its figures."""
    with meter.Peak() as peak:
        cpu, wall = meter.cpu_seconds(), time.perf_counter()
        results = run(batch)
        figures.wall_seconds += time.perf_counter() - wall
        figures.cpu_seconds += meter.cpu_seconds() - cpu
    figures.programs += len(batch)
    figures.peak_mb = max(figures.peak_mb, peak.megabytes)
    figures.wrong += [case.language.name for case, said in zip(batch, results, strict=True) if said != case.right]


def places_of(languages: Sequence[Language]) -> dict[str, str]:
    """Where the commands are that MultiPL-E's image has elsewhere."""
    paths = {name: path for language in languages for name, path in locate(language).paths.items()}
    return {"TSC": paths.get("tsc", "tsc"), "JAVATUPLES": paths.get("javatuples", "")}


def compare(languages: Sequence[Language], programs: int, rounds: int, jobs: int) -> dict[tuple[str, str], Figures]:
    """Every language and the mixture, in every way, in turns."""
    figures: dict[tuple[str, str], Figures] = {}
    sandbox, places = choose(), places_of(languages)
    with Pool(sandbox, jobs, Ways(warm=False)) as cold, Pool(sandbox, jobs) as warm:
        ways = dict(zip(WAYS, (by_upstream(jobs, places), bare(places), ours(cold), ours(warm)), strict=True))
        for language in languages:  # a sandbox is started anew when it has to show another toolchain: not later
            for run in (ways["cold"], ways["warm"]):
                run(cases(language, jobs * PER_PROBLEM, 2 * 10**6))
        shares = {language: share_of(language, programs, ways) for language in languages}
        for number in range(rounds):
            start = number * programs
            batches = {language.name: cases(language, share, start) for language, share in shares.items()}
            batches[MIXED] = [case for language in languages for case in cases(language, PER_PROBLEM, start + 10**5)]
            for name, batch in batches.items():
                for way, run in ways.items():
                    if way == "warm" and name != MIXED:  # so fast that a few would measure nothing
                        batch = cases(find(name), max(WARM_AT_LEAST, len(batch)), start)
                    measure(figures.setdefault((name, way), Figures()), run, batch)
                    print(f"{name:12} {way:10} {figures[name, way].cpu_ms:9.1f} CPU ms a program", flush=True)
    return figures


def share_of(language: Language, programs: int, ways: dict[str, Runner]) -> int:
    """How many programs of a language make a batch: as many as the bare processes do in the time for one.

    Every way is gone once before, so that servers, artefacts and files in memory are there: nobody pays for that.
    """
    for way, run in ways.items():
        batch = cases(language, 8 * PER_PROBLEM if way == "warm" else PER_PROBLEM, 10**6)
        start = time.perf_counter()
        run(batch)
        if way == "bare":
            each = (time.perf_counter() - start) / len(batch)
    wanted = round(BATCH_SECONDS / each / PER_PROBLEM) * PER_PROBLEM
    return max(PER_PROBLEM, min(wanted, programs))


def table(figures: dict[tuple[str, str], Figures]) -> list[dict[str, object]]:
    """One row a language."""
    rows = []
    for name in dict.fromkeys(name for name, _ in figures):
        theirs, floor, cold, warm = (figures[name, way] for way in WAYS)
        rows.append(
            {
                "language": name,
                "programs": f"{theirs.programs} ({warm.programs} warm)",
                **{f"{way} CPU ms": round(figures[name, way].cpu_ms, 1) for way in WAYS},
                **{f"{way} wall ms": round(figures[name, way].wall_ms, 1) for way in WAYS},
                "warm programs/s/core": round(warm.rate, 1),
                "target": TARGETS.get(name, ""),
                "wall gain": round(theirs.wall_ms / max(warm.wall_ms, 1e-9), 1),
                "CPU gain": round(theirs.cpu_ms / max(warm.cpu_ms, 1e-9), 1),
                "cold over bare CPU ms": round(cold.cpu_ms - floor.cpu_ms, 1),
                "peak MB warm": round(warm.peak_mb),
                "wrong": len(cold.wrong) + len(warm.wrong),
            }
        )
    return rows


def write(rows: list[dict[str, object]], out: Path, command: str) -> None:
    """The table as CSV and Markdown, and the plot."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "execution.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    shown = [name for name in rows[0] if not name.endswith("wall ms")]
    lines = [f"Made by `{command}`.", "", "| " + " | ".join(shown) + " |", "|" + "---|" * len(shown)]
    lines += ["| " + " | ".join(str(row[name]) for name in shown) + " |" for row in rows]
    (out / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    plot(rows, out / "execution.png")


def plot(rows: list[dict[str, object]], path: Path) -> None:
    """CPU milliseconds of a program by language and way, on a logarithmic axis."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    ordered = sorted(rows, key=lambda row: float(str(row["MultiPL-E CPU ms"])))
    figure, axes = pyplot.subplots(figsize=(8, 0.42 * len(ordered) + 1.2))
    colours = {"MultiPL-E": "#b8b8b8", "bare": "#5a5a5a", "cold": "#8ec1da", "warm": "#d1495b"}
    for way, colour in colours.items():
        values = [float(str(row[f"{way} CPU ms"])) for row in ordered]
        axes.plot(values, range(len(ordered)), "o", color=colour, label=way, markersize=7)
    axes.set_yticks(range(len(ordered)), [str(row["language"]) for row in ordered])
    axes.set_xscale("log")
    axes.set_xlabel("CPU milliseconds a program (less is better)")
    axes.grid(axis="x", alpha=0.3, which="both")
    axes.legend(loc="lower right")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=150)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--langs", default=",".join(upstream.EVALUATORS))
    parser.add_argument("--programs", type=int, default=100, help="of a language in a batch at most")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=cores())
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    languages = [find(name) for name in chosen.langs.split(",")]
    here = [language for language in languages if locate(language).state is State.INSTALLED]
    rows = table(compare(here, chosen.programs, chosen.rounds, chosen.jobs))
    for row in rows:
        print("  ".join(f"{name}: {value}" for name, value in row.items()))
    if chosen.out:
        write(rows, chosen.out, f"python benchmarks/execution.py --programs {chosen.programs} --out {chosen.out}")


if __name__ == "__main__":
    main()
