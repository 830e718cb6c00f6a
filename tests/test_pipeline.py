"""From prompts to scores on a toy world, whole and interrupted at every point."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import needs
from tests.toy import ToyBackend, solve, write_originals
from transfer_eval.errors import UserError
from transfer_eval.execution.pool import Pool
from transfer_eval.execution.sandbox import Sandbox
from transfer_eval.execution.worker import Worker
from transfer_eval.generation import Sampling
from transfer_eval.language import Language
from transfer_eval.leaderboard import build, write_csv
from transfer_eval.pipeline import Plan, run
from transfer_eval.progress import Progress
from transfer_eval.prompt import Style
from transfer_eval.score import read_dataset
from transfer_eval.suite import load


def plan(tmp_path: Path, backend: ToyBackend, samples: int = 1, limit: int | None = None) -> Plan:
    languages = [needs("lua"), needs("python")]
    suite = load(str(write_originals(tmp_path / "toy")), languages, limit)
    sampling = Sampling(temperature=0.0 if samples == 1 else 0.5, samples=samples)
    return Plan(
        backend=backend, suite=suite, languages=languages, sampling=sampling, style=Style.COMPLETION,
        results=tmp_path / "results",
    )  # fmt: skip


def run_in(sandbox: Sandbox, plan: Plan, watcher: Progress) -> list[Path]:
    with Pool(sandbox) as pool:
        return run(plan, pool, watcher)


def scores(folders: list[Path]) -> dict[str, tuple[float, int]]:
    board = build([read_dataset(folder) for folder in folders], [1], "strict")
    return {str(row["language"]): (float(str(row["pass_at_k"])), int(str(row["n_problems"]))) for row in board.rows}


def executed(folders: list[Path]) -> int:
    return sum(len((folder / "executions.jsonl").read_text().splitlines()) for folder in folders)


def test_a_run_scores_what_is_right(tmp_path: Path, sandbox: Sandbox) -> None:
    folders = run_in(sandbox, plan(tmp_path, ToyBackend()), Progress())
    assert scores(folders) == {"lua": (1.0, 3), "python": (pytest.approx(2 / 3, abs=1e-6), 3)}
    assert folders[1].name == "toy-py-toy-0.0-reworded"


def test_results_files_have_upstreams_keys_first(tmp_path: Path, sandbox: Sandbox) -> None:
    folders = run_in(sandbox, plan(tmp_path, ToyBackend()), Progress())
    fields = json.loads(gzip.decompress((folders[0] / "Toy_0_double.results.json.gz").read_bytes()))
    assert list(fields)[:7] == ["name", "language", "temperature", "top_p", "max_tokens", "prompt", "tests"]
    assert list(fields["results"][0])[:6] == ["program", "stdout", "stderr", "exit_code", "status", "timestamp"]
    assert fields["results"][0]["status"] == "OK"
    assert "completions" not in fields
    for key in ("plugin", "toolchain", "sandbox", "limits", "package", "host"):
        assert fields["execution"][key]


def test_run_again_does_nothing_again(tmp_path: Path, sandbox: Sandbox) -> None:
    backend = ToyBackend()
    first = scores(run_in(sandbox, plan(tmp_path, backend), Progress()))
    asked = len(backend.asked)
    folders = run_in(sandbox, plan(tmp_path, backend), Progress())
    assert (scores(folders), len(backend.asked), executed(folders)) == (first, asked, 6)


class _Killed(BaseException):
    """Stands for a SIGKILL at some point."""


@pytest.mark.parametrize("point", range(1, 6))
def test_killed_while_generating_and_started_again(tmp_path: Path, sandbox: Sandbox, point: int) -> None:
    calls = 0

    def answer(name: str, language: str, sample: int) -> str:
        nonlocal calls
        calls += 1
        if calls == point:
            raise _Killed
        return solve(name, language, sample)

    with pytest.raises(_Killed):
        run_in(sandbox, plan(tmp_path, ToyBackend(answer)), Progress())
    folders = run_in(sandbox, plan(tmp_path, ToyBackend()), Progress())
    assert scores(folders) == {"lua": (1.0, 3), "python": (pytest.approx(2 / 3, abs=1e-6), 3)}
    assert executed(folders) == 6


def test_killed_while_executing_and_started_again(tmp_path: Path, sandbox: Sandbox) -> None:
    class Once(Progress):
        def graded(self, language: Language, result: Mapping[str, Any]) -> None:
            raise UserError("the disk is full")

    with pytest.raises(UserError, match="disk"):
        run_in(sandbox, plan(tmp_path, ToyBackend()), Once())
    folders = run_in(sandbox, plan(tmp_path, ToyBackend()), Progress())
    assert scores(folders)["lua"] == (1.0, 3)
    assert executed(folders) == 6


def test_torn_journals_are_mended(tmp_path: Path, sandbox: Sandbox) -> None:
    folders = run_in(sandbox, plan(tmp_path, ToyBackend()), Progress())
    for name in ("executions.jsonl", "generations.jsonl"):
        path = folders[0] / name
        path.write_bytes(path.read_bytes()[:-20])
    for path in folders[0].glob("*.results.json.gz"):
        path.unlink()
    assert scores(run_in(sandbox, plan(tmp_path, ToyBackend()), Progress()))["lua"] == (1.0, 3)
    assert len((folders[0] / "executions.jsonl").read_text().splitlines()) == 3


def test_other_settings_in_the_same_folder_are_refused(tmp_path: Path, sandbox: Sandbox) -> None:
    one = plan(tmp_path, ToyBackend())
    run_in(sandbox, one, Progress())
    other = Plan(**{**vars(one), "sampling": Sampling(temperature=0.0, seed=7)})
    with pytest.raises(UserError, match="seed"):
        run_in(sandbox, other, Progress())


def test_a_larger_limit_goes_on_from_a_smaller_one(tmp_path: Path, sandbox: Sandbox) -> None:
    run_in(sandbox, plan(tmp_path, ToyBackend(), limit=1), Progress())
    folders = run_in(sandbox, plan(tmp_path, ToyBackend()), Progress())
    assert scores(folders)["lua"] == (1.0, 3)
    assert executed(folders) == 6
    folders = run_in(sandbox, plan(tmp_path, ToyBackend(), limit=2), Progress())
    assert scores(folders)["lua"] == (1.0, 2), "only the problems asked for count"


def test_samples_give_pass_at_k(tmp_path: Path, sandbox: Sandbox) -> None:
    def sometimes(name: str, language: str, sample: int) -> str:
        return (
            solve(name, language, sample)
            if sample % 2
            else "    return nil\nend\n"
            if language == "lua"
            else "    pass\n"
        )

    folders = run_in(sandbox, plan(tmp_path, ToyBackend(sometimes), samples=4), Progress())
    datasets = [read_dataset(folder) for folder in folders]
    rows = build(datasets, [1, 2], "strict").rows
    lua = {row["k"]: float(str(row["pass_at_k"])) for row in rows if row["language"] == "lua"}
    assert lua == {1: 0.5, 2: pytest.approx(5 / 6, abs=1e-6)}
    with pytest.raises(UserError, match="pass@9"):
        build(datasets, [9], "strict")


def test_an_unfinished_run_is_not_scored(tmp_path: Path, sandbox: Sandbox) -> None:
    folders = run_in(sandbox, plan(tmp_path, ToyBackend()), Progress())
    next(folders[0].glob("*.results.json.gz")).unlink()
    with pytest.raises(UserError, match="1 of 3 problems"):
        read_dataset(folders[0])


def test_harness_faults_are_counted_apart_and_tried_again(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transfer_eval.errors import HarnessFault

    with monkeypatch.context() as patched:

        def broken(*_: object, **__: object) -> None:
            raise HarnessFault("the machine is on fire")

        patched.setattr(Worker, "execute", broken)
        folders = run_in(sandbox, plan(tmp_path, ToyBackend()), Progress())
        with pytest.raises(UserError, match="no problems"):
            scores(folders)
    for folder in folders:
        for path in folder.glob("*.results.json.gz"):
            path.unlink()
    assert scores(run_in(sandbox, plan(tmp_path, ToyBackend()), Progress()))["lua"] == (1.0, 3)


def test_the_csv_has_all_columns(tmp_path: Path, sandbox: Sandbox) -> None:
    from transfer_eval.leaderboard import COLUMNS

    folders = run_in(sandbox, plan(tmp_path, ToyBackend()), Progress())
    path = tmp_path / "out" / "leaderboard.csv"
    write_csv(build([read_dataset(folder) for folder in folders], [1], "strict"), path)
    head, *rows = path.read_text().splitlines()
    assert head == ",".join(COLUMNS)
    assert len(rows) == 2
