"""Whole programs ``{id, language, program}`` in, verdicts out: execution for people with their own programs."""

from __future__ import annotations

import collections
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transfer_eval.errors import HarnessFault, UserError
from transfer_eval.execution.execution import Execution
from transfer_eval.execution.job import located_or_refuse
from transfer_eval.execution.pool import Pool
from transfer_eval.execution.sandbox import Sandbox
from transfer_eval.language import Language, find
from transfer_eval.program import Program
from transfer_eval.verdict import Verdict, judge, multipl_e_status

_AHEAD = 2048  # rows under way: enough for the queue to choose from, few enough to keep memory flat


@dataclass(frozen=True)
class Row:
    """One line of a programs file; ``given`` is the line as it was, kept in the output."""

    id: str
    language: Language
    program: str
    given: Mapping[str, Any]


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a programs file, one after the other.

    Raises:
        UserError: the file cannot be read, or a row lacks a field (row and field are named).
    """
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _row(path, number, line)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from error


def check_rows(path: Path, sandbox: Sandbox | None = None) -> None:
    """Refuse a programs file early, before anything has run.

    Raises:
        UserError: as :func:`read_rows`, or a language's toolchain is not here, or not in the sandbox.
    """
    for language in {row.language for row in read_rows(path)}:
        located_or_refuse(language, sandbox)


def _row(path: Path, number: int, line: str) -> Row:
    try:
        given = json.loads(line)
    except json.JSONDecodeError as error:
        raise UserError(f"{path}, line {number}: not JSON: {error}") from error
    if not isinstance(given, dict):
        raise UserError(f"{path}, line {number}: not an object")
    for field in ("id", "language", "program"):
        if not isinstance(given.get(field), str):
            raise UserError(f"{path}, line {number}: the field {field!r} is missing or no string")
    try:
        return Row(given["id"], find(given["language"]), given["program"], given)
    except UserError as error:
        raise UserError(f"{path}, line {number}: {error}") from error


def execute_rows(path: Path, pool: Pool) -> Iterator[dict[str, Any]]:
    """Run every row of a file, yielding results in the rows' order; a fixed number is under way at a time.

    Raises:
        UserError: as :func:`check_rows`.
    """
    waiting: collections.deque[tuple[Row, Future[Execution]]] = collections.deque()
    for row in read_rows(path):
        while waiting and (len(waiting) >= _AHEAD or waiting[0][1].done()):
            yield _answer(*waiting.popleft())
        waiting.append((row, pool.submit(Program(row.language.name, row.program), row.language, label=row.id)))
    while waiting:
        yield _answer(*waiting.popleft())


def _answer(row: Row, future: Future[Execution]) -> dict[str, Any]:
    return {"id": row.id, "language": row.given["language"], **result_row(row.language, future)}


def result_row(language: Language, future: Future[Execution]) -> dict[str, Any]:
    """Verdict, status and measurements of one execution as a JSON object."""
    try:
        execution = future.result()
    except HarnessFault as fault:
        return {"verdict": Verdict.HARNESS_FAULT.value, "status": "Exception", "exit_code": None, "stderr": str(fault)}
    status, exit_code = multipl_e_status(execution, language)
    return {
        "verdict": judge(execution, language).value,
        "status": status,
        "exit_code": exit_code,
        "stdout": execution.last.stdout,
        "stderr": execution.last.stderr,
        "cpu_seconds": round(execution.cpu_seconds, 4),
        "wall_seconds": round(execution.wall_seconds, 4),
        "max_rss_mb": round(execution.max_rss_mb, 1),
        "cached": execution.cached,
    }
