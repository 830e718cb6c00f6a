"""A folder of raw results, read strictly: ``experiment.json``, ``outcomes.csv`` and, if there is one, ``curves.csv``.

``outcomes.csv`` has one row for each evaluated problem; a verification is passed by a right answer. Within a seed,
all arms and stages must have been asked the same problems of a language, and every cell must have every seed:
comparisons are paired, and a gap is refused.
"""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transfer_eval.errors import UserError
from transfer_eval.files import read_json

GENERATION, TRANSLATION, VERIFICATION = TASKS = ("generation", "translation", "verification")
BASE, SFT, RL, ORACLE = "base", "sft", "rl", "oracle"
STAGES = (BASE, SFT, RL, ORACLE)
PARALLEL_SFT, OORL = "parallel-sft", "oorl"
OUTCOME_COLUMNS = ("arm", "stage", "seed", "task", "source", "language", "problem", "passed")
CURVE_COLUMNS = ("arm", "stage", "seed", "step", "metric", "value")


class Cell(NamedTuple):
    """What was evaluated together. ``source`` is empty unless a program was translated."""

    arm: str
    stage: str
    task: str
    source: str
    language: str


@dataclass(frozen=True)
class Target:
    """A language RL was not done in."""

    language: str
    in_pretraining: bool
    in_corpus: bool


@dataclass(frozen=True)
class Outcomes:
    """0 or 1 for each cell, seed and problem.

    Attributes:
        cells: arrays of shape (seeds, problems); NaN where the language was not asked the problem.
    """

    seeds: tuple[int, ...]
    problems: tuple[str, ...]
    cells: Mapping[Cell, NDArray[np.float64]]


class Point(NamedTuple):
    """One value of a learning curve."""

    arm: str
    stage: str
    seed: int
    step: int
    metric: str
    value: float


@dataclass(frozen=True)
class Results:
    """All of a folder. ``facts`` is ``experiment.json`` as it is."""

    name: str
    source: str
    targets: tuple[Target, ...]
    facts: Mapping[str, Any]
    outcomes: Outcomes
    curves: tuple[Point, ...]


def read(folder: Path) -> Results:
    """Read a folder.

    Raises:
        UserError: a file is missing or malformed, outcomes contradict each other or are incomplete; it says where.
    """
    facts_file, curves_file = folder / "experiment.json", folder / "curves.csv"
    facts = read_json(facts_file)
    try:
        name, source = facts["name"], str(facts.get("source", ""))
        targets = tuple(
            Target(t["language"], bool(t["in_pretraining"]), bool(t["in_corpus"])) for t in facts["targets"]
        )
    except (TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{facts_file}: malformed: {error!r}") from error
    if name not in (PARALLEL_SFT, OORL):
        raise UserError(f"{facts_file}: there is no experiment {name!r}, but {PARALLEL_SFT!r} and {OORL!r}")
    curves = tuple(_points(curves_file)) if curves_file.exists() else ()
    return Results(name, source, targets, facts, read_outcomes(folder / "outcomes.csv"), curves)


def read_outcomes(path: Path) -> Outcomes:
    """Read and check ``outcomes.csv``.

    Raises:
        UserError: it is missing, malformed, contradictory or incomplete.
    """
    found: dict[Cell, dict[tuple[int, str], float]] = defaultdict(dict)
    for line, row in _rows(path, OUTCOME_COLUMNS):
        cell = Cell(row["arm"], row["stage"], row["task"], row["source"], row["language"])
        if row["passed"] not in ("0", "1") or cell.stage not in STAGES or cell.task not in TASKS:
            raise UserError(f"{path}:{line}: malformed: {','.join(row.values())}")
        place = (_integer(path, line, row["seed"]), row["problem"])
        if place in found[cell]:
            raise UserError(f"{path}:{line}: a second outcome of {_named(cell)}, seed {place[0]}, {place[1]}")
        found[cell][place] = float(row["passed"])
    if not found:
        raise UserError(f"{path}: no outcomes")
    _check_complete(path, found)
    return _arrays(found)


def _check_complete(path: Path, found: Mapping[Cell, Mapping[tuple[int, str], float]]) -> None:
    """Every cell has every seed, and cells that are compared were asked the same."""
    seeds = {seed for places in found.values() for seed, _ in places}
    first: dict[Sequence[str], Cell] = {}
    for cell, places in sorted(found.items()):
        if missing := seeds - {seed for seed, _ in places}:
            raise UserError(f"{path}: {_named(cell)} has no outcomes of seed {min(missing)}")
        other = first.setdefault(cell[2:], cell)
        if different := places.keys() ^ found[other].keys():
            seed, problem = min(different)
            raise UserError(
                f"{path}: {_named(cell)} and {_named(other)} were not asked the same: seed {seed}, {problem}"
            )


def _arrays(found: Mapping[Cell, Mapping[tuple[int, str], float]]) -> Outcomes:
    seeds = sorted({seed for places in found.values() for seed, _ in places})
    problems = sorted({problem for places in found.values() for _, problem in places})
    row_of = {seed: number for number, seed in enumerate(seeds)}
    column_of = {problem: number for number, problem in enumerate(problems)}
    cells = {}
    for cell, places in sorted(found.items()):
        cells[cell] = np.full((len(seeds), len(problems)), np.nan)
        for (seed, problem), passed in places.items():
            cells[cell][row_of[seed], column_of[problem]] = passed
    return Outcomes(tuple(seeds), tuple(problems), cells)


def _points(path: Path) -> Iterator[Point]:
    for line, row in _rows(path, CURVE_COLUMNS):
        seed, step = _integer(path, line, row["seed"]), _integer(path, line, row["step"])
        try:
            value = float(row["value"])
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or row["stage"] not in STAGES:
            raise UserError(f"{path}:{line}: malformed: {','.join(row.values())}")
        yield Point(row["arm"], row["stage"], seed, step, row["metric"], value)


def _rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.reader(file, strict=True)
            if (header := next(reader, [])) != list(columns):
                raise UserError(f"{path}: the columns are {header}, not {list(columns)}")
            for row in reader:
                if len(row) != len(columns):
                    raise UserError(f"{path}:{reader.line_num}: {len(row)} cells, not {len(columns)}")
                yield reader.line_num, dict(zip(columns, row, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read: {error}") from error


def _integer(path: Path, line: int, text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise UserError(f"{path}:{line}: no whole number: {text!r}")
    return int(text)


def _named(cell: Cell) -> str:
    return "/".join(part for part in cell if part)
