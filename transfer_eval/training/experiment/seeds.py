"""Several seeds at once: each in a process of its own, what it says in a log of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from transfer_eval.errors import HarnessFault

STAGE = "stage "
"""What is in the lines that are passed on."""


def run(arguments: Sequence[str], seeds: Sequence[int], jobs: int, logs: Path, tell: Callable[[str], None]) -> None:
    """Run ``transfer-eval ARGUMENTS --seed N`` for every seed, ``jobs`` at once; all are run even if one fails.

    Args:
        tell: is called with each line of theirs that names a stage, from any thread.

    Raises:
        HarnessFault: a seed did not end well; the last line of its log says why.
    """
    logs.mkdir(parents=True, exist_ok=True)
    failed = []
    with ThreadPoolExecutor(jobs) as threads:
        begun = {
            threads.submit(_one, [*arguments, "--seed", str(n)], jobs, logs / f"seed-{n}.log", tell): n for n in seeds
        }
        for future in as_completed(begun):
            if fault := future.result():
                failed.append(f"seed {begun[future]}: {fault}")
                tell(failed[-1])
    if failed:
        raise HarnessFault(f"{len(failed)} of {len(seeds)} seeds stopped ({'; '.join(failed)}); logs are in {logs}")


def _one(arguments: Sequence[str], jobs: int, log: Path, tell: Callable[[str], None]) -> str | None:
    """The last line of a run that failed."""
    command = [sys.executable, "-m", "transfer_eval", *arguments]
    threads = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // jobs))}
    line = "it said nothing"
    with (
        log.open("a", encoding="utf-8") as file,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            env={**threads, **os.environ},
        ) as run,
    ):  # fmt: skip
        assert run.stdout is not None
        for line in run.stdout:
            file.write(line)
            file.flush()
            if STAGE in line:
                tell(line.strip())
    return line.strip() if run.returncode else None
