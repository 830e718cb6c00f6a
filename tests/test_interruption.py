"""A real run in a process of its own, really killed, at many moments; the scores are those of an unkilled one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import needs
from tests.toy import ToyBackend, write_originals
from transfer_eval.execution.sandbox import Sandbox
from transfer_eval.generation import Sampling
from transfer_eval.pipeline import Plan, generate
from transfer_eval.progress import Progress
from transfer_eval.prompt import Style
from transfer_eval.suite import load

ROOT = Path(__file__).parent.parent
PROBLEMS = 40


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Path:
    """Forty problems, and a recording of answers to them, some wrong, each taking a moment to run."""
    folder = tmp_path_factory.mktemp("world")
    (text,) = [path.read_text() for path in write_originals(folder / "seed").glob("Toy_0*")]
    (folder / "toy").mkdir()
    for number in range(PROBLEMS):
        (folder / "toy" / f"Toy_{number}_double.py").write_text(text)

    def answer(name: str, language: str, sample: int) -> str:
        right = int(name.split("_")[1]) % 3
        return f"    for i = 1, 2000000 do end\n    return {'2 *' if right else ''} n\nend\n"

    lua = needs("lua")
    suite = load(str(folder / "toy"), [lua])
    plan = Plan(
        backend=ToyBackend(answer), suite=suite, languages=[lua], sampling=Sampling(temperature=0.0),
        style=Style.COMPLETION, results=folder / "recording",
    )  # fmt: skip
    assert len(list(generate(plan, Progress()))) == PROBLEMS
    return folder


def start(world: Path, results: Path) -> subprocess.Popen[bytes]:
    arguments = ["run", "--langs", "lua", "--suite", str(world / "toy"), "--results", str(results)]
    arguments += ["--model", f"replay:{world / 'recording'}", "--max-tokens", "99"]  # the recording's own counts
    return subprocess.Popen(
        [sys.executable, "-m", "transfer_eval", *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def finish(world: Path, results: Path) -> str:
    process = start(world, results)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert out
    return (results / "leaderboard.csv").read_text()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_killed_again_and_again(world: Path, tmp_path: Path, how: signal.Signals) -> None:
    unkilled = finish(world, tmp_path / "whole")
    for delay in (0.4, 0.8, 1.0, 1.2, 1.4, 1.6):
        process = start(world, tmp_path / "killed")
        time.sleep(delay)
        os.killpg(process.pid, how) if how is signal.SIGKILL else process.send_signal(how)
        _, err = process.communicate(timeout=30)
        assert b"Traceback" not in err
    assert finish(world, tmp_path / "killed") == unkilled
    (journal,) = (tmp_path / "killed").rglob("executions.jsonl")
    rows = [json.loads(line)["file"] for line in journal.read_text().splitlines()]
    assert len(rows) == len(set(rows)) == PROBLEMS, "each program was run to its end once"


def test_interrupting_says_how_to_go_on(world: Path, tmp_path: Path) -> None:
    process = start(world, tmp_path)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not list(tmp_path.rglob("executions.jsonl")):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"interrupted; the same command goes on" in err
