"""Questions whose truth is an execution's, and answers read strictly."""

from __future__ import annotations

import json

import pytest

from transfer_eval.errors import UserError
from transfer_eval.metrics import wilson
from transfer_eval.prompt import Style
from transfer_eval.training.assignment import parse
from transfer_eval.training.corpus.sample import Sample
from transfer_eval.training.verification import Accuracy, accuracy, answer, questions


def judged(problem: str, language: str, program: str, verdict: str) -> Sample:
    return Sample(
        problem=problem, language=language, description="Doubles.", prompt="", completion=program, program=program,
        whole=False, verdict=verdict, tests="", provenance={"origin": "test"},
    )  # fmt: skip


SAMPLES = [
    *(judged(f"p{n}", "lua", f"return {n} * 2", "passed") for n in range(5)),
    *(judged(f"p{n}", "lua", f"return {n} + 2", verdict) for n, verdict in enumerate(["wrong", "timed_out"])),
    judged("p0", "lua", "-- the same\nreturn  0 + 2", "wrong"),
    judged("p3", "lua", "", "no_code"),
    judged("p4", "lua", "os.exit(0)", "no_proof"),
    judged("p0", "r", "n * 2", "passed"),
]


def test_truth_is_the_verdict_and_doubt_is_left_out() -> None:
    found = questions(SAMPLES, balanced=False)
    assert len(found) == 8  # five right and two wrong in Lua, one right in R
    assert {(q.program, q.correct) for q in found if q.problem == "p1"} == {
        ("return 1 * 2", True), ("return 1 + 2", False),
    }  # fmt: skip


def test_balance_is_kept_in_each_language() -> None:
    found = questions(SAMPLES)
    assert [sum(q.correct is truth for q in found) for truth in (True, False)] == [2, 2]
    assert {q.language for q in found} == {"lua"}
    assert questions(SAMPLES) == found != questions(SAMPLES, seed=1)
    assert [q.correct for q in sorted(questions(SAMPLES, most=3), key=lambda q: q.correct)] == [False, True]
    once = [q.problem for q in questions(SAMPLES, balanced=False, once=True) if q.language == "lua"]
    assert len(set(once)) == len(once) == 5
    with pytest.raises(UserError, match="both programs that passed"):
        questions([sample for sample in SAMPLES if sample.passed])


def test_a_question_shows_problem_and_program_and_its_row_holds_the_truth() -> None:
    question = questions(SAMPLES)[0]
    chat, continued = question.reward_row(Style.CHAT), question.reward_row(Style.COMPLETION)
    assert "Doubles." in chat["prompt"][0]["content"] and f"```lua\n{question.program}\n```" in continued["prompt"]
    assert str(question.correct) not in continued["prompt"]
    assert json.loads(chat["task"])["correct"] is question.correct
    assert parse(chat["task"]).attempt("Yes.", Style.CHAT).known == float(question.correct)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("yes", True), ("No.", False), ("**Yes**, it doubles; no fault.", True), ("nothing known", None), ("", None),
        ("<think>no, wait, yes</think> No", False), ("<think>yes", None),
    ],
)  # fmt: skip
def test_answers_are_read_strictly(text: str, said: bool | None) -> None:
    assert answer(text) is said


def test_accuracy_counts_what_cannot_be_read_as_wrong() -> None:
    found = questions(SAMPLES)
    texts = ["yes" if question.correct else "no" for question in found]
    assert accuracy(found, texts) == {"lua": Accuracy(4, 4, 0)}
    some = accuracy(found, ["hm", *texts[1:]])["lua"]
    assert (some, some.value, some.interval) == (Accuracy(3, 4, 1), 0.75, wilson(3, 4))
    with pytest.raises(ValueError):
        accuracy(found, texts[1:])
