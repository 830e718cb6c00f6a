"""Against real third-party data, where a checkout has it beside it; skipped by name elsewhere.

TRANSFER_EVAL_DATA names the folder (default: ``shared/data`` beside the checkout). Nothing of it is copied here.
"""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from tests.conftest import needs
from transfer_eval.completions import read_completions
from transfer_eval.errors import UserError
from transfer_eval.execution.pool import Pool
from transfer_eval.language import Language, find, load_all
from transfer_eval.program import Program
from transfer_eval.score import upstream_rows
from transfer_eval.whole_program import result_row

DATA = Path(os.environ.get("TRANSFER_EVAL_DATA") or Path(__file__).parent.parent.parent / "shared" / "data")
NAMES = sorted(load_all())
QUICK = ["bash", "lua", "perl", "php", "python", "tcl"]


def there(*parts: str) -> Path:
    path = DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"third-party data is not here: {'/'.join(parts)}")
    return path


@pytest.mark.parametrize("name", NAMES)
def test_upstreams_own_conformance_files(name: str, pool: Pool) -> None:
    language = needs(name)
    paths = sorted(there("conformance").glob(f"{language.hub}-*.json"))
    if not paths:
        pytest.skip(f"upstream has no conformance file for {name}")
    for path in paths:
        completions = read_completions(path)
        futures = []
        for index in range(2):
            source = completions.source(index)
            futures.append(pool.submit(Program(name, source, len(source) - completions.tests_length), language))
        first, second = (result_row(language, future) for future in futures)
        assert (first["verdict"], first["status"]) == ("passed", "OK"), first
        assert second["verdict"] != "passed"
        assert second["status"] != "OK"


def verdict_rows(name: str) -> list[dict[str, object]]:
    path = there("verdicts", f"{find(name).hub}.jsonl.gz")
    return [json.loads(line) for line in gzip.open(path, "rt")]


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in NAMES])
def test_known_verdicts(name: str, pool: Pool) -> None:
    """Strict agreement with what was known beforehand, and upstream's status, as the rows have them."""
    language = needs(name)
    rows = [row for row in verdict_rows(name) if row["format"] == "multipl-e"]
    known = [
        row for row in rows if not str(row["label"]).startswith("model") and "not confirmed" not in str(row["label"])
    ]
    if name in QUICK:
        known = [row for row in known if row["expected"] != "Timeout"][::3]
    futures = [(row, pool.submit(Program(name, str(row["program"])), language)) for row in known]
    results = [(row, result_row(language, future)) for row, future in futures]
    wrong = [row["id"] for row, got in results if (got["verdict"] == "passed") != (row["expected"] == "OK")]
    assert len(wrong) <= max(3, 0.005 * len(results)), wrong
    assert not [row["id"] for row, got in results if got["verdict"] == "passed" and row["expected"] != "OK"]


def test_upstreams_results_files_are_read() -> None:
    folder = there("multipl-t")
    (line,) = upstream_rows(folder)
    assert line.startswith(f"{folder.name},1,")
    assert line.endswith(",20,20,20")
    try:
        language: Language | None = find("rkt")
    except UserError:
        language = None
    if language is None:
        pytest.skip("no plugin for the language of multipl-t yet")
    assert read_completions(next(folder.glob("*pile.json.gz"))).language is language
