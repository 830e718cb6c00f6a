"""The benchmark before the model: every reference solution passes, every empty completion fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from transfer_eval.execution.pool import Pool
from transfer_eval.language import Language
from transfer_eval.program import assemble
from transfer_eval.task import Task
from transfer_eval.verdict import Verdict
from transfer_eval.whole_program import result_row


@dataclass(frozen=True)
class Report:
    """What validation found in one language; ``problems`` has a line for each surprise."""

    tasks: int
    references: int
    references_passed: int
    empty_failed: int
    problems: Sequence[str]


def validate(tasks: Sequence[Task], language: Language, pool: Pool) -> Report:
    """Run each task with its reference solution, where it has one, and with nothing.

    Raises:
        UserError: the toolchain is not here.
    """
    known = [task for task in tasks if task.solution is not None]
    references = [pool.submit(assemble(task, task.solution or "", language), language) for task in known]
    empties = [pool.submit(assemble(task, "", language), language) for task in tasks]
    surprises = []
    for task, future in zip(known, references, strict=True):
        row = result_row(language, future)
        if row["verdict"] != Verdict.PASSED.value:
            surprises.append(f"{task.name}: the reference solution is {row['verdict']}: {row['stderr'].strip()[-200:]}")
    passed = len(known) - len(surprises)
    failed = 0
    for task, future in zip(tasks, empties, strict=True):
        verdict = result_row(language, future)["verdict"]
        if verdict in (Verdict.PASSED.value, Verdict.HARNESS_FAULT.value):
            surprises.append(f"{task.name}: an empty completion is {verdict}")
        else:
            failed += 1
    return Report(len(tasks), len(known), passed, failed, surprises)
