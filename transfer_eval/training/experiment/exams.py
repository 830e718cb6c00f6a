"""A model and a way of measuring -> one row for each thing it was asked: generation, translation and verification.

Functions and their translations are graded as an evaluation grades them, whole programs and verification as a reward
does: it is the same verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from transfer_eval.errors import HarnessFault, UserError
from transfer_eval.generation import Backend
from transfer_eval.language import find
from transfer_eval.suite import Suite, load, translated_from
from transfer_eval.task import Task
from transfer_eval.training import rows, sets
from transfer_eval.training.experiment.preset import Measuring
from transfer_eval.training.experiment.results import GENERATION, TRANSLATION, VERIFICATION
from transfer_eval.training.rewards import ExecutionReward
from transfer_eval.training.scoring import rewarded, verdicts
from transfer_eval.verdict import Verdict

COLUMNS = ("task", "source", "language", "problem", "passed")

Row = tuple[str, str, str, str, int]


def sit(backend: Backend, measuring: Measuring, languages: Sequence[str], sandbox: str) -> list[Row]:
    """Everything that is measured, in rows of ``COLUMNS``.

    Raises:
        UserError: what is to be asked is not to be had in one of the languages.
        HarnessFault: an answer could not be run.
    """
    found: list[Row] = []
    with ExecutionReward(sandbox=sandbox, style=backend.style) as reward:
        for kind, source, tasks in exams(measuring, languages):
            judged = verdicts(backend, tasks, backend.style, reward.pool, measuring.max_tokens)
            asked = [(task.name, task.language) for task in tasks]
            found += _rows(kind, source, asked, judged)
        for kind, questions in other_exams(measuring, languages, backend):
            judged = rewarded(backend, questions, reward, measuring.max_tokens)
            found += _rows(kind, "", [(row["name"], row["language"]) for row in questions], judged)
    return found


def exams(measuring: Measuring, languages: Sequence[str]) -> Iterator[tuple[str, str, list[Task]]]:
    """(kind, source, tasks) of what a suite asks."""
    if measuring.suite is None:
        return
    suite = load(measuring.suite, [find(name) for name in languages])
    yield GENERATION, "", _tasks(suite, languages, None)
    for source in measuring.translate_from:
        turned = translated_from(suite, find(source))
        targets = [name for name in languages if name != source]
        yield TRANSLATION, source, _tasks(turned, targets, measuring.translated)


def other_exams(
    measuring: Measuring, languages: Sequence[str], backend: Backend
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """(kind, reward rows) of a public set of whole programs, and of questions whether a program is correct."""
    asked = [find(name) for name in languages]
    if measuring.programs is not None:
        loaded = sets.load(measuring.programs, measuring.place, measuring.split, measuring.limit)
        yield GENERATION, rows.program_rows(loaded, asked, backend.style)
    if measuring.verification is not None:
        folder, most = Path(measuring.verification), measuring.limit
        for language in asked:  # each by itself: one that has no questions is refused
            yield VERIFICATION, rows.verification_rows(folder, [language], backend.style, once=True, most=most)


def _tasks(suite: Suite, languages: Sequence[str], most: int | None) -> list[Task]:
    return [task for name in languages for task in list(suite.tasks.get(find(name).name, ()))[:most]]


def _rows(kind: str, source: str, asked: Sequence[tuple[str, str]], judged: Sequence[Verdict]) -> Iterator[Row]:
    if not asked:
        raise UserError(f"there is nothing to ask for {kind}")
    for (name, language), verdict in zip(asked, judged, strict=True):
        if verdict is Verdict.HARNESS_FAULT:
            raise HarnessFault(f"the answer to {name} in {language} could not be run; try again")
        yield kind, source, find(language).name, name, int(verdict is Verdict.PASSED)
