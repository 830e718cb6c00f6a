"""The cache of executions: exact, safe with many processes, bounded, and never in the way."""

from __future__ import annotations

import json
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import needs
from transfer_eval.execution.cache import Cache
from transfer_eval.execution.execution import Ended, Execution, StepResult
from transfer_eval.execution.identity import key_of
from transfer_eval.language import Limits
from transfer_eval.program import Program

STEP = StepResult(
    ended=Ended.EXITED,
    exit_code=1,
    stdout="é\n",
    stderr="\ud800 no",
    cpu_seconds=0.25,
    wall_seconds=0.5,
    max_rss_mb=3.5,
)
EXECUTION = Execution(compile=replace(STEP, exit_code=0), run=STEP, proved=False, warm=True)


def test_what_is_put_is_got(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "c.sqlite")
    assert cache.get("k" * 64) is None
    cache.put("k" * 64, "lua", EXECUTION)
    assert cache.get("k" * 64) == replace(EXECUTION, cached=True)
    cache.close()
    again = Cache(tmp_path / "c.sqlite")
    assert again.get("k" * 64) == replace(EXECUTION, cached=True)
    assert again.costs() == {"lua": pytest.approx(0.5)}
    assert again.info().by_language == {"lua": 1}
    again.clear()
    assert again.get("k" * 64) is None
    again.close()


@pytest.mark.parametrize("ended", [Ended.CPU_LIMIT, Ended.WALL_LIMIT])
def test_timeouts_are_not_kept(tmp_path: Path, ended: Ended) -> None:
    cache = Cache(tmp_path / "c.sqlite")
    cache.put("k" * 64, "lua", replace(EXECUTION, run=replace(STEP, ended=ended)))
    assert cache.get("k" * 64) is None
    cache.close()


def test_everything_that_decides_a_result_is_in_the_key() -> None:
    lua, python = needs("lua"), needs("python")
    keys = {
        key_of(Program("lua", "x"), lua, "a toolchain"),
        key_of(Program("lua", "y"), lua, "a toolchain"),
        key_of(Program("lua", "x", 0), lua, "a toolchain"),
        key_of(Program("lua", "x", 1), lua, "a toolchain"),
        key_of(Program("lua", "x"), lua, "a toolchain", Limits(cpu_seconds=1)),
        key_of(Program("python", "x"), python, "a toolchain"),
    }
    assert len(keys) == 6
    assert key_of(Program("lua", "x"), lua, "a toolchain") == key_of(
        Program("lua", "x"), lua, "a toolchain", lua.limits
    )


def _fill(path: Path, number: int) -> None:
    cache = Cache(path)
    for index in range(300):
        cache.put(f"{number}-{index}", "lua", EXECUTION)
        assert cache.get(f"{number}-{index}") is not None
    cache.close()


def test_many_processes_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_fill, args=(tmp_path / "c.sqlite", number)) for number in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * 6
    cache = Cache(tmp_path / "c.sqlite")
    assert cache.info().executions == 1800
    cache.close()


def test_it_keeps_to_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSFER_EVAL_CACHE_MB", "1")
    noise = replace(EXECUTION, run=replace(STEP, stdout=os.urandom(6000).hex()))
    cache = Cache(tmp_path / "c.sqlite")
    for number in range(400):
        cache.put(str(number), "lua", noise)
    cache.close()
    cache = Cache(tmp_path / "c.sqlite")
    assert 50 < cache.info().executions < 200
    cache.close()
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 1.5 * 2**20


def test_a_broken_file_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "c.sqlite").write_bytes(b"no database at all" * 1000)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        cache = Cache(tmp_path / "c.sqlite")
        cache.put("k", "lua", EXECUTION)
        cache.get("k")
        cache.close()
    assert len(said) == 1
    assert "programs are run anew" in str(said[0].message)


def test_a_damaged_row_is_no_hindrance(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "c.sqlite")
    cache.put("k", "lua", EXECUTION)
    cache.close()
    with sqlite3.connect(tmp_path / "c.sqlite") as database:
        database.execute("UPDATE executions SET body = x'00'")
    with pytest.warns(UserWarning, match="programs are run anew"):
        assert Cache(tmp_path / "c.sqlite").get("k") is None


def command(cache: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TRANSFER_EVAL_CACHE": str(cache), "TRANSFER_EVAL_NO_CACHE": ""}
    argv = [sys.executable, "-m", "transfer_eval", *arguments]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=300)


def test_the_command_line_uses_it_unless_told_not_to(tmp_path: Path) -> None:
    needs("lua")
    rows = [{"id": str(n), "language": "lua", "program": f"print({n % 2})"} for n in range(6)]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = ("execute", "--programs", str(tmp_path / "p.jsonl"), "--out", str(tmp_path / "o.jsonl"))

    def cached(*flags: str) -> list[bool]:
        done = command(tmp_path / "cache", *run, *flags)
        assert done.returncode == 0, done.stderr
        return [json.loads(line)["cached"] for line in (tmp_path / "o.jsonl").read_text().splitlines()]

    first = [False, False, True, True, True, True]  # equal ones run once even then
    assert cached() == first
    assert cached() == [True] * 6
    assert cached("--no-cache") == cached("--cold") == first
    assert cached("--audit", "1") == [True] * 6
    assert "2 executions" in command(tmp_path / "cache", "cache", "info").stdout
    assert json.loads(command(tmp_path / "cache", "cache", "info", "--json").stdout)["languages"] == {"lua": 2}
    assert "2 executions forgotten" in command(tmp_path / "cache", "cache", "clear").stdout
    assert cached() == first
