"""Verification: is this program correct? The truth is what running it said.

Parallel-SFT (https://arxiv.org/abs/2604.20835) asks this beside writing programs. Questions come from a corpus's
journal, where the programs that failed are kept as well as those that passed.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from transfer_eval.chunks import bare
from transfer_eval.errors import UserError
from transfer_eval.fences import split_thinking
from transfer_eval.language import find
from transfer_eval.metrics import wilson
from transfer_eval.prompt import Style
from transfer_eval.training.assignment import of_verification
from transfer_eval.training.corpus.sample import Sample
from transfer_eval.verdict import Verdict

_WORD = re.compile(r"\b(yes|no)\b", re.IGNORECASE)
_UNSURE = frozenset({Verdict.NO_CODE.value, Verdict.NO_PROOF.value, Verdict.HARNESS_FAULT.value})


@dataclass(frozen=True, kw_only=True)
class Question:
    """A program, the problem it is for, and whether it is correct."""

    problem: str
    statement: str
    language: str
    program: str
    correct: bool

    def ask(self) -> str:
        """What a model is shown."""
        language = find(self.language)
        fence = next(iter(language.fences), language.name)
        return (
            f"Is this {language.title} program correct for every input? Answer yes or no.\n\n"
            f"Problem:\n{self.statement.strip()}\n\nProgram:\n```{fence}\n{self.program.strip()}\n```"
        )

    def reward_row(self, style: Style) -> dict[str, Any]:
        """A row for a trainer with rewards, as :func:`transfer_eval.training.rows.reward_rows` has them."""
        shown: object = [{"role": "user", "content": self.ask()}]
        if style is Style.COMPLETION:
            shown = f"{self.ask()}\n\nAnswer:"
        cell = of_verification(self.correct)
        return {"prompt": shown, "task": cell, "name": self.problem, "language": self.language}


def questions(
    samples: Iterable[Sample], *, balanced: bool = True, once: bool = False, most: int | None = None, seed: int = 0
) -> list[Question]:
    """A question about every different program whose verdict is sure, in an order that ``seed`` decides.

    Args:
        balanced: leave out what it takes to have as many correct as incorrect ones in each language: neither the
            language nor a constant answer then tells anything.
        once: ask about one program of a problem and language only, so that answers are independent.
        most: of the balanced ones, at most so many in a language.

    Raises:
        UserError: nothing is left.
    """
    different = {
        (sample.problem, sample.language, bare(sample.program)): sample
        for sample in samples
        if sample.verdict not in _UNSURE
    }
    found = [_question(different[key]) for key in sorted(different)]
    random.Random(seed).shuffle(found)
    if once:
        found = list({(question.problem, question.language): question for question in found}.values())
    if balanced:
        languages = sorted({question.language for question in found})
        found = [question for language in languages for question in _even(found, language, most)]
        random.Random(seed).shuffle(found)
    if not found:
        raise UserError("no questions: both programs that passed and programs that failed are needed in a language")
    return found


def _question(sample: Sample) -> Question:
    return Question(
        problem=sample.problem,
        statement=sample.description or sample.prompt,
        language=sample.language,
        program=sample.program,
        correct=sample.passed,
    )


def _even(found: Sequence[Question], language: str, most: int | None) -> list[Question]:
    """As many correct as incorrect ones of a language."""
    right = [question for question in found if question.language == language and question.correct]
    wrong = [question for question in found if question.language == language and not question.correct]
    count = min(len(right), len(wrong), len(found) if most is None else most // 2)
    return right[:count] + wrong[:count]


def answer(text: str) -> bool | None:
    """The yes or no of an answer: its first such word after the thinking; None if there is none."""
    match = _WORD.search(split_thinking(text)[1])
    return None if match is None else match[1].lower() == "yes"


@dataclass(frozen=True)
class Accuracy:
    """How many of ``total`` answers are right; ``unread`` ones say neither yes nor no, and count as wrong."""

    right: int
    total: int
    unread: int

    @property
    def value(self) -> float:
        """The share of right answers."""
        return self.right / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson interval of the share."""
        return wilson(self.right, self.total)


def accuracy(asked: Sequence[Question], texts: Sequence[str]) -> Mapping[str, Accuracy]:
    """The accuracy in each language of answers given in the questions' order.

    Raises:
        ValueError: there are not as many answers as questions.
    """
    said: dict[str, list[tuple[bool, bool | None]]] = {}
    for question, text in zip(asked, texts, strict=True):
        said.setdefault(question.language, []).append((question.correct, answer(text)))
    return {
        language: Accuracy(sum(truth is word for truth, word in of), len(of), sum(word is None for _, word in of))
        for language, of in sorted(said.items())
    }
