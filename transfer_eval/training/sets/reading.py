"""Rows of a data set, from the Hub or a disk, and what becomes of them: problems, and refusals with their reasons."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from transfer_eval.errors import Untranslatable, UserError
from transfer_eval.hub import hush
from transfer_eval.problem import Problem
from transfer_eval.stdio import StdioCase, StdioProblem
from transfer_eval.training.extra import require

Row = Mapping[str, Any]
T = TypeVar("T")
_FORMATS = {".jsonl": "json", ".json": "json", ".parquet": "parquet", ".arrow": "arrow"}


@dataclass(frozen=True, kw_only=True)
class PublicSet:
    """How a public data set is read.

    Attributes:
        hub: its id on the Hub.
        columns: those that are needed.
        name: the name of a row's problem, given its number; without underscores but the one that ends the set's name.
        read: the problem of a row, which has the name given; what it raises of ``UserError`` refuses the row.
        example: rows of our own making in the set's schema, by number.
        wanted: whether a row is a programming problem at all.
        gigabytes: what is downloaded, where that is known (10^9 bytes).
    """

    hub: str
    columns: Sequence[str]
    name: Callable[[Row, int], str]
    read: Callable[[Row, str], Problem | StdioProblem]
    example: Callable[[int], Row]
    wanted: Callable[[Row], bool] = lambda row: True
    gigabytes: float | None = None


@dataclass(frozen=True)
class Loaded:
    """What was read: problems, refused ones with their reason, and how many rows were something else."""

    problems: Sequence[Problem | StdioProblem]
    refused: Mapping[str, str]
    others: int = 0

    @property
    def programs(self) -> list[StdioProblem]:
        """The problems that whole programs answer."""
        return [problem for problem in self.problems if isinstance(problem, StdioProblem)]

    @property
    def functions(self) -> list[Problem]:
        """The problems that functions answer."""
        return [problem for problem in self.problems if isinstance(problem, Problem)]


def read(public: PublicSet, place: str, split: str, limit: int | None = None) -> Loaded:
    """Read a set, one problem for each name, until there are ``limit``.

    Raises:
        UserError: the place cannot be read, or lacks a column.
    """
    problems: dict[str, Problem | StdioProblem] = {}
    refused: dict[str, str] = {}
    others = 0
    for number, row in enumerate(_rows(place, split)):
        missing = [column for column in public.columns if column not in row]
        if missing:
            raise UserError(f"{place}: no column {missing[0]!r}; it has {', '.join(sorted(row))}")
        if not public.wanted(row):
            others += 1
            continue
        name = public.name(row, number)
        if name in problems or name in refused:
            continue  # the same problem with another answer
        try:
            problems[name] = public.read(row, name)
        except UserError as reason:
            refused[name] = str(reason)
        if len(problems) == limit:
            break
    return Loaded(list(problems.values()), refused, others)


def _rows(place: str, split: str) -> Iterable[Row]:
    """The rows of a saved data set, a file, a folder of files or a Hub id; the last two as they come."""
    datasets = require("datasets")
    hush()
    path = Path(place).expanduser()
    try:
        if any((path / mark).is_file() for mark in ("dataset_info.json", "dataset_dict.json")):
            saved = datasets.load_from_disk(str(path))
            return saved[split] if isinstance(saved, datasets.DatasetDict) else saved  # type: ignore[no-any-return]
        if path.is_file():
            form = _FORMATS.get(Path(path.name.removesuffix(".gz")).suffix, "json")
            return datasets.load_dataset(form, data_files=str(path), split="train", streaming=True)  # type: ignore[no-any-return]
        return datasets.load_dataset(place, split=split, streaming=True)  # type: ignore[no-any-return]
    except (OSError, ValueError, RuntimeError, KeyError) as error:  # what datasets raises for absent or unreadable data
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(f"{place}, split {split}: cannot be loaded: {lines[0]}") from error


def parsed(row: Row, column: str, kind: type[T]) -> T:
    """The value of a column that holds JSON text of a ``kind``.

    Raises:
        Untranslatable: it is empty, of another kind, or cannot be read (a number may have more digits than Python
            reads).
    """
    value = row[column]
    try:
        value = json.loads(value) if isinstance(value, str) else value  # a copy of the set may have it parsed already
    except ValueError as error:
        raise Untranslatable(f"its {column!r} cannot be read: {error}") from error
    if not isinstance(value, kind):
        raise Untranslatable(f"its {column!r} is no {kind.__name__}")
    return value


def cases(pairs: Iterable[tuple[object, object]]) -> tuple[StdioCase, ...]:
    """Inputs and outputs as cases; where one is a list, it is of lines.

    Raises:
        Untranslatable: one is no text.
    """
    return tuple(StdioCase(_text(given), _text(asked)) for given, asked in pairs)


def _text(value: object) -> str:
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "\n".join(value)
    if not isinstance(value, str):
        raise Untranslatable(f"an input or output that is no text: {str(value)[:60]}")
    return value
