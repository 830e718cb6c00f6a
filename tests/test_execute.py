"""MultiPL-E completions files in, results files out; whole programs; upstream's score lines."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.conftest import needs
from transfer_eval.cli import group
from transfer_eval.completions import completions_files, read_completions, results_path
from transfer_eval.errors import UserError
from transfer_eval.execution.sandbox import Sandbox
from transfer_eval.files import read_json, write_json
from transfer_eval.score import upstream_rows

PROMPT = "local function add(x, y)\n"
TESTS = """lu = require('luaunit')

function test_humaneval()
local candidate = add
    lu.assertEquals(candidate(1, 2), 3)
end

os.exit(lu.LuaUnit.run())"""


def completions(*answers: str, **more: object) -> dict[str, Any]:
    return {
        "name": "Toy_0_add", "language": "lua", "temperature": 0.2, "top_p": 0.95, "max_tokens": 64,
        "prompt": PROMPT, "tests": TESTS, "completions": list(answers), "stop_tokens": ["\nlocal"], **more,
    }  # fmt: skip


RIGHT, WRONG = "    return x + y\nend", "    return x - y\nend"


def execute(*arguments: object) -> str:
    result = CliRunner().invoke(group, ["execute", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("suffix", [".json", ".json.gz"])
def test_results_stand_beside_the_completions(tmp_path: Path, sandbox: Sandbox, suffix: str) -> None:
    needs("lua")
    write_json(tmp_path / f"Toy_0_add{suffix}", completions(RIGHT, WRONG, "    os.exit(0)\nend", extra="kept"))
    execute(tmp_path)
    fields = read_json(tmp_path / f"Toy_0_add.results{suffix}")
    assert [r["status"] for r in fields["results"]][:2] == ["OK", "Exception"]
    assert [r["verdict"] for r in fields["results"]][:2] == ["passed", "wrong"]
    assert fields["results"][2]["verdict"] != "passed"
    assert fields["results"][0]["program"] == PROMPT + RIGHT + "\n" + TESTS
    assert fields["extra"] == "kept"
    assert "completions" not in fields


def test_finished_files_are_not_run_again(tmp_path: Path, sandbox: Sandbox) -> None:
    needs("lua")
    write_json(tmp_path / "a.json", completions(RIGHT))
    write_json(tmp_path / "a.results.json", {"results": [{"status": "OK", "exit_code": 0}]})
    execute(tmp_path)
    assert not (tmp_path / "executions.jsonl").exists()


def test_a_results_file_with_fewer_results_is_gone_on_with(tmp_path: Path, sandbox: Sandbox) -> None:
    needs("lua")
    write_json(tmp_path / "a.json", completions(WRONG, RIGHT))
    kept = {"program": PROMPT + WRONG + "\n" + TESTS, "status": "OK", "exit_code": 0, "mark": "kept"}
    write_json(tmp_path / "a.results.json", {"results": [kept]})
    execute(tmp_path)
    first, second = read_json(tmp_path / "a.results.json")["results"]
    assert first == kept
    assert second["verdict"] == "passed"


def test_results_of_other_programs_are_not_taken(tmp_path: Path, sandbox: Sandbox) -> None:
    needs("lua")
    write_json(tmp_path / "a.json", completions(WRONG))
    write_json(tmp_path / "a.results.json", {"results": [{"program": "other", "status": "OK", "exit_code": 0}]})
    execute(tmp_path)
    assert read_json(tmp_path / "a.results.json")["results"][0]["verdict"] == "wrong"


def test_another_output_folder_keeps_the_places(tmp_path: Path, sandbox: Sandbox) -> None:
    needs("lua")
    write_json(tmp_path / "in" / "deep" / "a.json.gz", completions(RIGHT))
    execute(tmp_path / "in", "--output-dir", tmp_path / "out")
    assert (tmp_path / "out" / "deep" / "a.results.json.gz").exists()


@pytest.mark.parametrize(
    ("change", "named"),
    [({"completions": None}, "completions"), ({"tests": 5}, "tests"), ({"language": "klingon"}, "klingon"),
     ({"completions": ["x", 3]}, r"completions\[1\]")],
)  # fmt: skip
def test_malformed_files_are_named(tmp_path: Path, change: dict[str, object], named: str) -> None:
    write_json(tmp_path / "bad.json", {**completions(RIGHT), **change})
    with pytest.raises(UserError, match=named) as error:
        read_completions(tmp_path / "bad.json")
    assert "bad.json" in str(error.value)


def test_old_language_names_are_understood(tmp_path: Path) -> None:
    for name, plugin in (
        ("humaneval_to_r.py", "r"),
        ("go_test.go", "go"),
        ("javascript", "javascript"),
        ("jl", "julia"),
    ):
        write_json(tmp_path / "a.json", completions(RIGHT, language=name))
        assert read_completions(tmp_path / "a.json").language.name == plugin


def test_results_files_are_no_completions_files(tmp_path: Path) -> None:
    for name in ("a.json", "a.results.json", "b.json.gz", "b.results.json.gz"):
        write_json(tmp_path / name, {})
    assert [path.name for path in completions_files(tmp_path)] == ["a.json", "b.json.gz"]
    assert results_path(tmp_path / "b.json.gz").name == "b.results.json.gz"


def test_whole_programs(tmp_path: Path, sandbox: Sandbox) -> None:
    needs("lua")
    rows = [
        {"id": "good", "language": "lua", "program": PROMPT + RIGHT + "\n" + TESTS},
        {"id": "wrong", "language": "lua", "program": PROMPT + WRONG + "\n" + TESTS},
        {"id": "cheat", "language": "py", "program": "import os\nos._exit(0)\n"},
    ]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    execute("--programs", tmp_path / "in.jsonl", "--out", tmp_path / "out.jsonl")
    out = {row["id"]: row for row in map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())}
    assert {key: row["verdict"] for key, row in out.items()} == {
        "good": "passed",
        "wrong": "wrong",
        "cheat": "no_proof",
    }
    keys = {"verdict", "status", "exit_code", "stdout", "stderr", "cpu_seconds", "wall_seconds", "max_rss_mb", "cached"}
    assert keys <= set(out["good"])


def test_upstreams_score_lines(tmp_path: Path) -> None:
    folder = tmp_path / "humaneval-lua-m-0.8-reworded"
    for index, statuses in enumerate((["OK", "Exception"], ["OK", "OK"])):
        results = [{"status": s, "exit_code": 0 if s == "OK" else 1} for s in statuses]
        data = {"name": f"P_{index}_x", "language": "lua", "temperature": 0.8, "results": results}
        write_json(folder / f"P_{index}.results.json.gz", data)
    name = folder.name
    assert upstream_rows(folder) == [f"{name},1,0.75,2,2,2", f"{name},10,1.0,2,2,2", f"{name},100,1.0,2,2,2"]


def test_scores_of_other_tools_files(tmp_path: Path) -> None:
    data = {
        "name": "P_0_x",
        "language": "rkt_or_lua",
        "temperature": 0.2,
        "results": [{"status": "OK", "exit_code": 0}],
    }
    (tmp_path / "P_0.results.json.gz").write_bytes(gzip.compress(json.dumps({**data, "language": "lua"}).encode()))
    result = CliRunner().invoke(group, ["score", str(tmp_path)], catch_exceptions=False)
    assert "100.0%" in result.output
