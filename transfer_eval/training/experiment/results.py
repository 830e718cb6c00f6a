"""A folder of raw results, read strictly: ``experiment.json``, ``outcomes.csv`` and, if there are any, ``curves.csv``
and what was seen of the latent space (``latent``).

``outcomes.csv`` has one row for each evaluated problem; a verification is passed by a right answer. Within a seed,
all arms and stages must have been asked the same problems of a language, and every cell must have every seed:
comparisons are paired, and a gap is refused.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from transfer_eval.errors import UserError
from transfer_eval.files import read_json
from transfer_eval.training.experiment import latent, table
from transfer_eval.training.experiment.latent import Latent

GENERATION, TRANSLATION, VERIFICATION = TASKS = ("generation", "translation", "verification")
BASE, SFT, RL, ORACLE = "base", "sft", "rl", "oracle"
STAGES = (BASE, SFT, RL, ORACLE)
PARALLEL_SFT, OORL = "parallel-sft", "oorl"
REFERENCE = "rl"
"""The row of the ablation that the others are compared with."""
SHARED = "shared"
"""The arm of what all others come from."""
_ORDER = (SHARED, "mono", "multi", "parallel", "none", "rl", "rl+dpo", "rl+gepo", "rl+gepo-lambda0", "gepo")
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


Place = TypeVar("Place")


@dataclass(frozen=True)
class Outcomes(Generic[Place]):
    """A number for each cell, seed and problem: 0 or 1, unless it was measured in the latent space.

    Attributes:
        cells: arrays of shape (seeds, problems); NaN where the language was not asked the problem.
    """

    seeds: tuple[int, ...]
    problems: tuple[str, ...]
    cells: Mapping[Place, NDArray[np.float64]]


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
    outcomes: Outcomes[Cell]
    curves: tuple[Point, ...]
    latent: Latent | None = None


def named(arm: str) -> str:
    """An arm as people are told of it."""
    return BASE if arm == SHARED else arm


def ordered(arms: Iterable[str]) -> list[str]:
    """Arms in the order they are told of; those unknown come last, by name."""
    return sorted(set(arms), key=lambda arm: (_ORDER.index(arm) if arm in _ORDER else len(_ORDER), arm))


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
    outcomes = read_outcomes(folder / "outcomes.csv")
    seen = latent.read(folder, facts, outcomes.seeds, {latent.Model(cell.arm, cell.stage) for cell in outcomes.cells})
    return Results(name, source, targets, facts, outcomes, curves, seen)


def read_outcomes(path: Path) -> Outcomes[Cell]:
    """Read and check ``outcomes.csv``.

    Raises:
        UserError: it is missing, malformed, contradictory or incomplete.
    """
    found: dict[Cell, dict[tuple[int, str], float]] = defaultdict(dict)
    for line, row in table.read(path, OUTCOME_COLUMNS):
        cell = Cell(row["arm"], row["stage"], row["task"], row["source"], row["language"])
        if row["passed"] not in ("0", "1") or cell.stage not in STAGES or cell.task not in TASKS:
            raise UserError(f"{path}:{line}: malformed: {','.join(row.values())}")
        place = (table.integer(path, line, row["seed"]), row["problem"])
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


def _arrays(found: Mapping[Cell, Mapping[tuple[int, str], float]]) -> Outcomes[Cell]:
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
    for line, row in table.read(path, CURVE_COLUMNS):
        seed, step = table.integer(path, line, row["seed"]), table.integer(path, line, row["step"])
        value = table.number(path, line, row["value"])
        if row["stage"] not in STAGES:
            raise UserError(f"{path}:{line}: malformed: {','.join(row.values())}")
        yield Point(row["arm"], row["stage"], seed, step, row["metric"], value)


def _named(cell: Cell) -> str:
    return "/".join(part for part in cell if part)
