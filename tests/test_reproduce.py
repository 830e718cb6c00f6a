"""``reproduce`` from the command line: killed, resumed, and with seeds at once, it gives the same results."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import needs
from transfer_eval.training.experiment import preset

OPERATIONS = "operations=add,subtract,multiply,square,absolute"
STEPS = "learning_rate = 1e-3\nbatch = 8\nsteps = 2\nthreads = 1"
PRESET = f"""
name = "parallel-sft"
arms = ["mono", "parallel"]
seeds = 2
[languages]
source = "python"
seen = ["python", "perl"]
unseen = ["lua"]
[measuring]
suite = "generated:test:depth=2:count=2:{OPERATIONS}"
max_tokens = 24
[base.model.new]
hidden = 32
layers = 2
heads = 2
intermediate = 64
vocabulary = 320
context = 256
[base.data]
suite = "generated:train:depth=1-2:count=20:first=1:{OPERATIONS}"
verify = false
[base.optimisation]
{STEPS}
[sft.data]
suite = "generated:train:depth=1-2:count=20:phrases=1:first=1:{OPERATIONS}"
verify = false
[sft.optimisation]
{STEPS}
[rl.data]
suite = "generated:train:depth=2:count=4:phrases=1:first=1:{OPERATIONS}"
[rl.policy]
rollouts = 4
max_tokens = 24
[rl.optimisation]
{STEPS}
[rl.logging]
save = 1
"""


def begin(folder: Path, experiment: str, name: str, *more: str) -> subprocess.Popen[str]:
    arguments = ["reproduce", experiment, "--preset", name, "--out", str(folder), *more]
    return subprocess.Popen(
        [sys.executable, "-m", "transfer_eval", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, start_new_session=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def ended(run: subprocess.Popen[str]) -> str:
    output, _ = run.communicate(timeout=1800)
    assert run.returncode == 0, output
    return output


def results(folder: Path) -> dict[str, bytes]:
    """Everything that is told of an experiment, but what it cost."""
    found = {path.name: path.read_bytes() for path in [*folder.glob("raw/*.csv"), *folder.glob("*.csv")]}
    assert {"outcomes.csv", "curves.csv", "models.csv", "transfer.csv"} <= found.keys()
    return found


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_killed_and_resumed_with_seeds_at_once_it_gives_the_same(tmp_path: Path) -> None:
    for name in ("python", "perl", "lua"):
        needs(name)
    toy = tmp_path / "toy.toml"
    toy.write_text(PRESET)
    plain, killed = tmp_path / "plain", tmp_path / "killed"
    begun = begin(killed, "parallel-sft", str(toy), "--jobs", "2")
    assert begun.stdout is not None
    for line in begun.stdout:
        if "stage 4 of 5" in line:
            break
    os.killpg(begun.pid, signal.SIGKILL)
    begun.communicate()
    finished = {path: path.stat().st_mtime_ns for path in killed.rglob("base-*/model.safetensors")}
    assert finished and not (killed / "raw").exists()
    assert "raw results of 2 of 2 seeds" in ended(begin(killed, "parallel-sft", str(toy), "--jobs", "2"))
    assert finished == {path: path.stat().st_mtime_ns for path in finished}
    ended(begin(plain, "parallel-sft", str(toy)))
    assert results(plain) == results(killed)
    assert (plain / "index.html").exists()


@pytest.mark.slow
@pytest.mark.parametrize("experiment", ["parallel-sft", "oorl"])
def test_the_quick_presets_come_to_their_page(experiment: str, tmp_path: Path) -> None:
    declared = preset.read(experiment, "quick")
    for name in (*declared.languages.every, *(["c", "llvm"] if declared.ir else [])):
        needs(name)
    ended(begin(tmp_path, experiment, "quick", "--jobs", "2"))
    assert "Latent space" in (tmp_path / "index.html").read_text()


def test_a_seed_that_fails_is_named_with_its_log(tmp_path: Path) -> None:
    toy = tmp_path / "toy.toml"
    toy.write_text(PRESET.replace("hidden = 32", "hidden = 33"))
    run = begin(tmp_path / "out", "parallel-sft", str(toy), "--jobs", "2")
    output, _ = run.communicate(timeout=300)
    assert run.returncode != 0
    last = output.strip().splitlines()[-1]
    assert "2 of 2 seeds stopped" in last and "seed 0: " in last and str(tmp_path / "out" / "logs") in last
