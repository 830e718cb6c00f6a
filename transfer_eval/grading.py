"""Completions files -> results files: every program executed once, journaled, judged.

Finished executions go to ``executions.jsonl`` of the output folder at once, so an interrupted grading
resumes with what is missing; a results file is written, whole, when its last program is done.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from transfer_eval.completions import Completions, read_completions, upstream_stream, write_results
from transfer_eval.errors import TransferEvalError, UserError
from transfer_eval.execution.execution import Execution
from transfer_eval.execution.pool import Pool
from transfer_eval.files import Journal, read_json
from transfer_eval.language import Language
from transfer_eval.program import Program
from transfer_eval.provenance import of_execution
from transfer_eval.verdict import Verdict
from transfer_eval.whole_program import result_row

JOURNAL = "executions.jsonl"
_NOT_RUN = {"no_code": Verdict.NO_CODE, "no_answer": Verdict.HARNESS_FAULT}

OnResult = Callable[[Language, Mapping[str, Any]], None]


@dataclass
class _File:
    """A completions file in work: its results so far, by index."""

    completions: Completions
    output: Path
    results: dict[int, Mapping[str, Any]] = field(default_factory=dict)


class Grader:
    """Grades completions files as they come; :meth:`wait` ends it.

    ``on_result`` is called for every result, old or new, from whatever thread has it.
    """

    def __init__(self, pool: Pool, on_result: OnResult = lambda language, result: None) -> None:
        self._pool, self._on_result = pool, on_result
        self._lock = threading.Lock()
        self._journals: dict[Path, tuple[Journal, dict[tuple[str, int, str], Mapping[str, Any]]]] = {}
        self._pending: set[Future[Execution]] = set()
        self._failure: BaseException | None = None

    def add(self, path: Path, output: Path) -> None:
        """Grade one completions file into ``output``; what is there already is not run again.

        Raises:
            UserError: the file is malformed, its language is not here, or the output cannot be read.
        """
        completions = read_completions(path)
        journal, known = self._journal(output.parent)
        written = _written(output)
        file = _File(completions, output)
        todo = []
        for index in range(len(completions.completions)):
            source = completions.source(index)
            key = (output.name, index, digest(source))
            result = _still_good(written, index, source) or known.get(key) or self._without_running(completions, index)
            if result is None:
                todo.append((index, key))
            else:
                file.results[index] = result
                self._on_result(completions.language, result)
        if not todo and len(written) < len(file.results):
            self._write(file)
        for index, key in todo:
            self._submit(file, index, key, journal)

    def wait(self) -> None:
        """Until everything added is graded.

        Raises:
            UserError: a results file or journal could not be written; what was written stands.
        """
        while True:
            with self._lock:
                if self._failure is not None:
                    raise self._failure
                if not self._pending:
                    return
            time.sleep(0.02)

    def _journal(self, folder: Path) -> tuple[Journal, dict[tuple[str, int, str], Mapping[str, Any]]]:
        if folder not in self._journals:
            journal = Journal(folder / JOURNAL)
            known = {(r["file"], r["index"], r["program"]): r["result"] for r in journal.rows()}
            self._journals[folder] = journal, known
        return self._journals[folder]

    def _without_running(self, completions: Completions, index: int) -> Mapping[str, Any] | None:
        """The result of an answer that held no code."""
        extractions = completions.fields.get("extractions") or []
        reason = extractions[index]["reason"] if index < len(extractions) else ""
        if reason not in _NOT_RUN:
            return None
        row = {"verdict": _NOT_RUN[reason].value, "status": "Exception", "exit_code": None, "stdout": "", "stderr": ""}
        return _as_result(completions, index, row)

    def _submit(self, file: _File, index: int, key: tuple[str, int, str], journal: Journal) -> None:
        completions = file.completions
        source = completions.source(index)
        program = Program(completions.language.name, source, len(source) - completions.tests_length)
        future = self._pool.submit(
            program, completions.language, label=f"{completions.language.name} {completions.name}"
        )
        with self._lock:
            self._pending.add(future)
        future.add_done_callback(lambda done: self._collect(done, file, index, key, journal))

    def _collect(
        self, future: Future[Execution], file: _File, index: int, key: tuple[str, int, str], journal: Journal
    ) -> None:
        """In a worker's thread: journal one result, and write the file when it was the last."""
        try:
            row = result_row(file.completions.language, future)
            result = _as_result(file.completions, index, row)
            if row["verdict"] != Verdict.HARNESS_FAULT.value:  # a fault is tried again by the next run
                journal.append({"file": key[0], "index": index, "program": key[2], "result": result})
            with self._lock:
                file.results[index] = result
                last = len(file.results) == len(file.completions.completions)
            if last:
                self._write(file)
            self._on_result(file.completions.language, result)
        except TransferEvalError as error:  # concurrent.futures would swallow it: wait() raises it
            with self._lock:
                self._failure = self._failure or error
        finally:
            with self._lock:
                self._pending.discard(future)

    def _write(self, file: _File) -> None:
        fields = {**file.completions.fields, "execution": of_execution(file.completions.language, self._pool.sandbox)}
        completions = Completions(file.completions.path, fields, file.completions.language)
        write_results(file.output, completions, [file.results[index] for index in sorted(file.results)])


def _written(output: Path) -> Sequence[Mapping[str, Any]]:
    """The results that are in a results file already, upstream's or ours."""
    fields = read_json(output) if output.exists() else {}
    results = fields.get("results") if isinstance(fields, dict) else None
    if not isinstance(results, list) and output.exists():
        raise UserError(f"{output}: the field 'results' is missing or no list")
    return results or []


def _still_good(written: Sequence[Mapping[str, Any]], index: int, source: str) -> Mapping[str, Any] | None:
    """A result written earlier, if it is of this very program and no fault of ours."""
    result = written[index] if index < len(written) else None
    if result is None or result.get("verdict") == Verdict.HARNESS_FAULT.value:
        return None
    return result if result.get("program", source) == source else None


def digest(source: str) -> str:
    """A short hash of a program's text."""
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _as_result(completions: Completions, index: int, row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Upstream's six keys first, then ours."""
    ours = {key: value for key, value in row.items() if key not in ("stdout", "stderr", "exit_code", "status")}
    for name in ("finish_reasons", "extractions"):
        values = completions.fields.get(name) or []
        if index < len(values):
            ours[name.rstrip("s")] = values[index]
    return {
        "program": completions.source(index),
        "stdout": upstream_stream(row.get("stdout", "")),
        "stderr": upstream_stream(row.get("stderr", "")),
        "exit_code": row["exit_code"],
        "status": row["status"],
        "timestamp": int(time.time()),
        **ours,
    }


def check_writable(folder: Path) -> None:
    """Refuse early a results folder that cannot be written.

    Raises:
        UserError: it cannot.
    """
    probe = folder / ".writable"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(f"{folder}: cannot be written: {error.strerror or error}") from error
