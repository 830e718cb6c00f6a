"""Answers that try to pass without solving anything do not; honest ones that look like them do.

``forgeries/LANGUAGE.json`` holds completions of the doctor's ``add`` problem by what they try.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import needs
from transfer_eval.doctor import toy_task
from transfer_eval.execution.pool import Pool
from transfer_eval.language import load_all
from transfer_eval.program import assemble
from transfer_eval.verdict import Verdict, judge

FOLDER = Path(__file__).parent / "forgeries"


def verdicts(name: str, kind: str, pool: Pool) -> dict[str, Verdict]:
    language = needs(name)
    answers: dict[str, str] = json.loads((FOLDER / f"{name}.json").read_text())[kind]
    futures = {
        what: pool.submit(assemble(toy_task(language), code, language), language) for what, code in answers.items()
    }
    return {what: judge(future.result(), language) for what, future in futures.items()}


def test_every_language_has_forgeries() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(load_all())


@pytest.mark.parametrize("name", sorted(load_all()))
def test_no_forgery_passes(name: str, pool: Pool) -> None:
    found = verdicts(name, "forgeries", pool)
    assert len(found) >= 8
    assert not [what for what, verdict in found.items() if verdict is Verdict.PASSED]


@pytest.mark.parametrize("name", sorted(load_all()))
def test_honest_answers_pass(name: str, pool: Pool) -> None:
    found = verdicts(name, "honest", pool)
    assert not {what: verdict for what, verdict in found.items() if verdict is not Verdict.PASSED}
