"""A model's answers to tasks, graded at once: for held-out scores in training, and for experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from transfer_eval.errors import HarnessFault
from transfer_eval.execution.execution import Execution
from transfer_eval.execution.pool import Pool
from transfer_eval.extraction import Reason, extract
from transfer_eval.generation import Backend, Generation, Sampling
from transfer_eval.language import find
from transfer_eval.program import assemble
from transfer_eval.prompt import FENCE_END, Prompt, Style, write
from transfer_eval.task import Task
from transfer_eval.training.assignment import FunctionAssignment, parse
from transfer_eval.training.rewards import ExecutionReward
from transfer_eval.verdict import Verdict, judge


def verdicts(backend: Backend, tasks: Sequence[Task], style: Style, pool: Pool, max_tokens: int) -> list[Verdict]:
    """The strict verdict of the greedy answer to each task; programs run while the model still writes.

    Tasks must differ in name or language.
    """
    places = {(task.name, task.language): number for number, task in enumerate(tasks)}
    assert len(places) == len(tasks), "two tasks of one name and language"
    prompts = [write(task, find(task.language), style) for task in tasks]
    futures: dict[int, Future[Execution] | None] = {}
    for batch in backend.generate(prompts, Sampling(temperature=0.0, max_tokens=max_tokens)):
        for generation in batch:
            number = places[generation.name, generation.language]
            futures[number] = _started(generation, tasks[number], pool)
    return [_verdict(futures[number], task) for number, task in enumerate(tasks)]


def rewarded(
    backend: Backend, rows: Sequence[Mapping[str, Any]], reward: ExecutionReward, max_tokens: int
) -> list[Verdict]:
    """The verdict of the greedy answer to each row that a reward reads, by that reward.

    Rows must differ in name or language.
    """
    prompts = [_shown(row, backend.style) for row in rows]
    said = {
        (generation.name, generation.language): generation.text
        for batch in backend.generate(prompts, Sampling(temperature=0.0, max_tokens=max_tokens))
        for generation in batch
    }
    assert len(said) == len(rows), "two rows of one name and language"
    texts = [said[row["name"], row["language"]] for row in rows]
    return [outcome.verdict for outcome in reward.outcomes(texts, [parse(row["task"]) for row in rows])]


def _shown(row: Mapping[str, Any], style: Style) -> Prompt:
    """A row's prompt, as a backend takes it."""
    assignment = parse(row["task"])
    stops = assignment.task.stop_tokens if isinstance(assignment, FunctionAssignment) else (FENCE_END,)
    task = Task(name=row["name"], language=row["language"], prompt="", tests="", stop_tokens=stops)
    if style is Style.CHAT:
        return Prompt(task, style, messages=tuple(row["prompt"]))
    return Prompt(task, style, text=row["prompt"])


def _started(generation: Generation, task: Task, pool: Pool) -> Future[Execution] | None:
    """The program of an answer, on its way; None if there is none in it."""
    language = find(task.language)
    extraction = extract(generation, task, language)
    if extraction.reason is Reason.NO_CODE:
        return None
    return pool.submit(assemble(task, extraction.code, language, whole=extraction.whole), language)


def _verdict(future: Future[Execution] | None, task: Task) -> Verdict:
    if future is None:
        return Verdict.NO_CODE
    if isinstance(future.exception(), HarnessFault):
        return Verdict.HARNESS_FAULT
    return judge(future.result(), find(task.language))
