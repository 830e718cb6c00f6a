"""Whether anything adds up: many small programs in one run; memory, descriptors and processes are looked at.

python benchmarks/endurance.py --programs 50000
"""

from __future__ import annotations

import argparse
import collections
import os
import sys
import time
from concurrent.futures import Future
from pathlib import Path

import meter

from transfer_eval.execution.execution import Execution
from transfer_eval.execution.pool import Pool
from transfer_eval.execution.sandbox import choose
from transfer_eval.language import find
from transfer_eval.program import Program

SOURCES = {"lua": "print({n})\n", "python": "print({n})\n", "perl": "print({n});\n", "bash": "echo {n}\n"}
ALLOWED_MB = 50


def resident_mb() -> float:
    """Our own resident memory, in MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def look(done: int, start: float) -> tuple[float, int, int]:
    """Print and return our memory, descriptors, and the processes below us."""
    seen = resident_mb(), len(list(Path("/proc/self/fd").iterdir())), len(meter.tree())
    words = f"{seen[0]:6.1f} MB  {seen[1]} descriptors  {seen[2]} processes  {done / (time.monotonic() - start):.0f}/s"
    print(f"{done:6} programs  {words}", flush=True)
    return seen


def main() -> None:
    """Run them, compare the end with the first thousand."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--programs", type=int, default=50_000)
    count = parser.parse_args().programs
    languages = {name: find(name) for name in SOURCES}
    waiting: collections.deque[tuple[int, Future[Execution]]] = collections.deque()
    start, first, wrong = time.monotonic(), (0.0, 0, 0), 0
    with Pool(choose()) as pool:
        for number in range(count):
            name = list(SOURCES)[number % len(SOURCES)]
            program = Program(name, SOURCES[name].format(n=number))
            waiting.append((number, pool.submit(program, languages[name])))
            while len(waiting) > 256 or (number == count - 1 and waiting):
                expected, future = waiting.popleft()
                wrong += future.result().last.stdout.split("\n")[0] != str(expected)
            if number == 1000:
                first = look(number, start)
            elif number % 5000 == 4999:
                last = look(number + 1, start)
    left = len(meter.tree()) - 1
    grown = last[0] - first[0]
    print(f"{wrong} wrong, {grown:+.1f} MB, {last[1] - first[1]:+} descriptors, {left} processes left at the end")
    print(f"servers lost: {dict(pool.report.lost)}")
    sys.exit(bool(wrong or grown > ALLOWED_MB or last[1] > first[1] + 4 or left))


if __name__ == "__main__":
    main()
