"""Rows for rewards, of each kind: a right answer to what the row asks earns 1, a wrong one 0."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import needs
from tests.test_sets import CONTEST, saved
from transfer_eval.errors import UserError
from transfer_eval.execution.pool import Pool
from transfer_eval.files import Journal
from transfer_eval.prompt import Style
from transfer_eval.training import rows
from transfer_eval.training.corpus.building import JOURNAL, Builder
from transfer_eval.training.corpus.candidate import Candidate
from transfer_eval.training.rewards import ExecutionReward
from transfer_eval.training.settings import RlData


@pytest.fixture(scope="module")
def reward() -> Iterator[ExecutionReward]:
    with ExecutionReward(jobs=2) as callable_:
        yield callable_


def test_whole_programs_of_a_public_set(tmp_path: Path, reward: ExecutionReward) -> None:
    needs("python")
    data = RlData(languages=("python",), programs="codeforces", place=saved(tmp_path, [CONTEST]))
    (row,) = rows.of_settings(data, Style.CHAT)
    assert row["prompt"][0]["content"].startswith("Write a Python program")
    assert "Double a number." in row["prompt"][0]["content"]
    code = "print(2 * int(input()))"
    chats = [[{"role": "assistant", "content": f"```python\n{text}\n```"}] for text in (code, "print(2)")]
    assert reward([[]] * 2, chats, task=[row["task"]] * 2) == [1.0, 0.0]
    (row,) = rows.of_settings(data, Style.COMPLETION)
    assert row["prompt"].endswith("```python")
    assert reward(["p"] * 2, [f"\n{code}\n```\nmore", "\nprint(2)\n"], task=[row["task"]] * 2) == [1.0, 0.0]


def test_translations(reward: ExecutionReward) -> None:
    for name in ("python", "lua"):
        needs(name)
    data = RlData(languages=("lua",), suite="generated:train:depth=2:count=3", sources=("python",))
    found = rows.of_settings(data, Style.COMPLETION)
    assert len(found) == 3
    assert all("Python:" in row["prompt"] and row["language"] == "lua" for row in found)
    known = {item.task.name: item for item in rows.of_suite(rows.load(str(data.suite), [needs("lua")]), None)}
    answers = [known[row["name"]].completion for row in found]
    assert reward(["p"] * 3, answers, task=[row["task"] for row in found]) == [1.0] * 3
    assert reward(["p"] * 3, ["\nreturn 1\nend"] * 3, task=[row["task"] for row in found]) == [0.0] * 3


def test_verification_of_a_corpus(tmp_path: Path, pool: Pool, reward: ExecutionReward) -> None:
    language = needs("lua")
    builder = Builder(tmp_path, pool)
    for item in rows.of_suite(rows.load("generated:train:depth=2:count=3", [language]), None):
        for code in (item.completion, "    return 'wrong'\nend\n"):
            candidate = Candidate(
                task=item.task, language=language, code=code, whole=False, provenance={"origin": code, "source": "test"}
            )
            builder.put(candidate)
    builder.wait()
    assert Journal(tmp_path / JOURNAL).path.exists()
    found = rows.of_settings(RlData(languages=("lua",), verify=str(tmp_path)), Style.CHAT)
    assert len(found) == 6
    said = ["no" if "'wrong'" in row["prompt"][0]["content"] else "Yes." for row in found]
    chats = [[{"role": "assistant", "content": text}] for text in said]
    assert reward([[]] * 6, chats, task=[row["task"] for row in found]) == [1.0] * 6
    same = [[{"role": "assistant", "content": "yes"}]] * 6
    assert sum(r or 0 for r in reward([[]] * 6, same, task=[row["task"] for row in found])) == 3.0
    with pytest.raises(UserError, match="no corpus was built there"):
        rows.of_settings(RlData(languages=("lua",), verify=str(tmp_path / "none")), Style.CHAT)


def test_settings_ask_for_one_kind() -> None:
    with pytest.raises(ValueError, match="either suite, or programs, verify or both"):
        RlData(languages=("lua",))
    with pytest.raises(ValueError, match="sources are for a suite"):
        RlData(languages=("lua",), verify="c", sources=("python",))
