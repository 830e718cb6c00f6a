"""MultiPL-E's way of running programs, written from its description: one command after the other, most of them by a
function that reads at most 1 KiB of each pipe, polls, and sleeps 0.1 s; one pool of threads for each problem.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Evaluator:
    """A language's commands in MultiPL-E: FILE is the program, BASE its path without suffix, DIR a new folder.

    ``polled`` says for each command whether it goes through the polling function or plain ``subprocess.run``.
    """

    suffix: str
    commands: tuple[tuple[str, ...], ...]
    polled: tuple[bool, ...]
    environment: tuple[tuple[str, str], ...] = ()


def _one(suffix: str, *argv: str, polled: bool = True) -> Evaluator:
    return Evaluator(suffix, (argv,), (polled,))


EVALUATORS = {
    "bash": _one(".sh", "bash", "FILE"),
    "cpp": Evaluator(".cpp", (("g++", "FILE", "-o", "BASE", "-std=c++17"), ("BASE",)), (True, True)),
    "go": Evaluator("_test.go", (("go", "test", "FILE"),), (False,), (("GO111MODULE", "off"),)),
    "java": Evaluator(
        ".java",
        (("javac", "-encoding", "UTF8", "-d", "DIR", "FILE"), ("java", "-ea", "-cp", "DIR:JAVATUPLES", "Problem")),
        (True, True),
        (("CLASSPATH", "JAVATUPLES"),),
    ),
    "javascript": _one(".js", "node", "FILE", polled=False),
    "julia": _one(".jl", "julia", "FILE"),
    "lua": _one(".lua", "lua5.4", "FILE"),
    "perl": _one(".pl", "perl", "FILE"),
    "php": _one(".php", "php", "FILE"),
    "python": _one(".py", "/usr/bin/python3", "FILE"),
    "r": _one(".r", "Rscript", "FILE", polled=False),
    "ruby": _one(".rb", "ruby", "FILE", polled=False),
    "rust": Evaluator(".rs", (("rustc", "FILE", "-o", "BASE"), ("BASE",)), (False, False)),
    "tcl": _one(".tcl", "tclsh", "FILE"),
    "typescript": Evaluator(".ts", (("TSC", "--target", "esnext", "FILE"), ("node", "BASE.js")), (True, True)),
}


def run_problem(language: str, programs: Sequence[str], jobs: int, places: dict[str, str]) -> list[bool]:
    """Run the completions of one problem; whether each exits well. The pool ends with the problem."""
    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(lambda program: run_one(language, program, places), programs))


def run_one(language: str, program: str, places: dict[str, str], *, polled: bool = True) -> bool:
    """Run one program by its commands; ``polled`` False gives the bare floor, each command a plain process."""
    evaluator = EVALUATORS[language]
    with tempfile.TemporaryDirectory() as folder:
        base = str(Path(folder) / "program")
        words = {"FILE": base + evaluator.suffix, "BASE.js": base + ".js", "BASE": base, "DIR": folder, **places}
        Path(words["FILE"]).write_text(program, encoding="utf-8")
        environment = os.environ | {name: filled(value, words) for name, value in evaluator.environment}
        for argv, by_polling in zip(evaluator.commands, evaluator.polled, strict=True):
            run = polling_run if by_polling and polled else plain_run
            if run([filled(word, words) for word in argv], environment) != 0:
                return False
    return True


def filled(word: str, words: dict[str, str]) -> str:
    """A word of a command with our places filled in."""
    for name, value in words.items():
        word = word.replace(name, value)
    return word


def plain_run(argv: list[str], environment: dict[str, str]) -> int:
    """``subprocess.run`` as it is; the exit code."""
    try:
        return subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, env=environment
        ).returncode
    except subprocess.TimeoutExpired:
        return -1


def polling_run(argv: list[str], environment: dict[str, str], timeout_seconds: float = 60) -> int:
    """Run, reading 1 KiB of each pipe every 0.1 s; the exit code, -1 on a timeout."""
    process = subprocess.Popen(
        argv,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        bufsize=0,
    )
    assert process.stdout is not None and process.stderr is not None
    for pipe in (process.stdout, process.stderr):
        os.set_blocking(pipe.fileno(), False)
    code: int | None = None
    for _ in range(round(timeout_seconds / 0.1)):
        for pipe in (process.stdout, process.stderr):
            pipe.read(1024)
        code = process.poll()
        if code is not None:
            break
        time.sleep(0.1)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    process.stderr.close()
    return -1 if code is None else code
