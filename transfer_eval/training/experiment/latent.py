"""What was seen of the latent space, read strictly: ``representation.csv`` and ``projection.csv`` of raw results.

``representation.csv`` has a row for each model, layer and function; its measures' means over functions are what is
reported. ``projection.csv`` is for the pictures, of the first seed. Functions are numbers in both, ``experiment.json``
has their names. All must be of the very models that were evaluated: a gap, a surplus or a second row is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transfer_eval.errors import UserError
from transfer_eval.training.experiment import table
from transfer_eval.training.representation.analysis import (
    BY_FUNCTION,
    BY_LANGUAGE,
    CENTRED,
    EQUIVALENT,
    MRR,
    RANDOM,
    RAW,
    SAME_LANGUAGE,
    TOP1,
)

CENTRED_TOP1, CENTRED_MRR, CENTRED_EQUIVALENT, CENTRED_BY_FUNCTION = (
    f"{CENTRED}_{measure}" for measure in (TOP1, MRR, EQUIVALENT, BY_FUNCTION)
)
"""The same less each language's mean; what is left out there, centring makes to nothing."""
MEASURES = (
    TOP1, MRR, EQUIVALENT, SAME_LANGUAGE, RANDOM, BY_FUNCTION, BY_LANGUAGE,
    CENTRED_TOP1, CENTRED_MRR, CENTRED_EQUIVALENT, CENTRED_BY_FUNCTION,
)  # fmt: skip
COLUMNS = ("arm", "stage", "seed", "layer", "problem", *MEASURES)
PROJECTION = ("arm", "stage", "seed", "space", "layer", "language", "problem", "x", "y")
SPACES = (RAW, CENTRED)
FILE, PROJECTION_FILE = "representation.csv", "projection.csv"
FACTS = "representation"
"""Where ``experiment.json`` says what was looked at."""


class Model(NamedTuple):
    """A stage of an arm, whatever the seed."""

    arm: str
    stage: str


class Spot(NamedTuple):
    """One measure of one layer of a model."""

    model: Model
    layer: str
    measure: str


@dataclass(frozen=True)
class Latent:
    """All of it.

    Attributes:
        functions: what each problem's programs do.
        cells: shape (seeds, functions).
        layers: in order; 0 is the embeddings.
        picture_layer: of the pictures.
        pictures: of the first seed, ``raw`` and ``centred`` (less each language's mean), of shape (languages, functions
            shown, 2); the variance along an axis is its share of all variance.
    """

    seeds: tuple[int, ...]
    functions: tuple[str, ...]
    languages: tuple[str, ...]
    layers: tuple[int, ...]
    cells: Mapping[Spot, NDArray[np.float64]]
    picture_layer: int
    pictures: Mapping[tuple[Model, str], NDArray[np.float64]]


def read(folder: Path, facts: Mapping[str, Any], seeds: tuple[int, ...], models: Iterable[Model]) -> Latent | None:
    """Read a folder; None if nothing was looked at.

    Args:
        facts: ``experiment.json``.
        models: those that were evaluated.

    Raises:
        UserError: a file is missing or malformed, or is not of these seeds and models; it says where.
    """
    if FACTS not in facts:
        if (folder / FILE).exists():
            raise UserError(f"{folder / FILE}: experiment.json does not say what it is of")
        return None
    try:
        functions, languages = (tuple(map(str, facts[FACTS][name])) for name in ("functions", "languages"))
    except (TypeError, KeyError) as error:
        raise UserError(f"{folder / 'experiment.json'}: malformed: {FACTS}: {error!r}") from error
    models = sorted(models)
    layers, cells = _cells(folder / FILE, seeds, models, len(functions))
    layer, pictures = _pictures(folder / PROJECTION_FILE, seeds[0], models, languages, len(functions))
    return Latent(seeds, functions, languages, layers, cells, layer, pictures)


def _cells(
    path: Path, seeds: tuple[int, ...], models: list[Model], functions: int
) -> tuple[tuple[int, ...], dict[Spot, NDArray[np.float64]]]:
    found: dict[tuple[Any, ...], list[float]] = {}
    for line, row in table.read(path, COLUMNS):
        seed, layer, problem = (table.integer(path, line, row[name]) for name in ("seed", "layer", "problem"))
        place = Model(row["arm"], row["stage"]), layer, seed, problem
        _once(path, line, place, found)
        found[place] = [table.number(path, line, row[name]) for name in MEASURES]
    layers = sorted({layer for _, layer, _, _ in found})
    _check(path, found, set(product(models, layers, seeds, range(functions))))
    cells: dict[Spot, NDArray[np.float64]] = {}
    for model, layer in product(models, layers):
        values = np.array([[found[model, layer, seed, p] for p in range(functions)] for seed in seeds])
        cells |= {Spot(model, str(layer), name): values[..., place] for place, name in enumerate(MEASURES)}
    return tuple(layers), cells


def _pictures(
    path: Path, seed: int, models: list[Model], languages: tuple[str, ...], functions: int
) -> tuple[int, dict[tuple[Model, str], NDArray[np.float64]]]:
    found: dict[tuple[Any, ...], list[float]] = {}
    for line, row in table.read(path, PROJECTION):
        numbers = [table.integer(path, line, row[name]) for name in ("seed", "layer", "problem")]
        place = Model(row["arm"], row["stage"]), row["space"], row["language"], *numbers
        _once(path, line, place, found)
        found[place] = [table.number(path, line, row[name]) for name in ("x", "y")]
    layer = max((place[4] for place in found), default=0)
    shown = range(min(len({place[5] for place in found}), functions))
    _check(path, found, set(product(models, SPACES, languages, [seed], [layer], shown)))
    return layer, {
        (model, space): np.array([[found[model, space, of, seed, layer, p] for p in shown] for of in languages])
        for model, space in product(models, SPACES)
    }


def _once(path: Path, line: int, place: tuple[Any, ...], found: Mapping[tuple[Any, ...], Any]) -> None:
    if place in found:
        raise UserError(f"{path}:{line}: a second row of {_named(place)}")


def _check(path: Path, found: Mapping[tuple[Any, ...], Any], wanted: set[tuple[Any, ...]]) -> None:
    if not wanted:
        raise UserError(f"{path}: no rows")
    if different := found.keys() ^ wanted:
        place = min(different)
        raise UserError(
            f"{path}: nothing of {_named(place)}"
            if place in wanted
            else f"{path}: {_named(place)} is of nothing that was evaluated"
        )


def _named(place: tuple[Any, ...]) -> str:
    return "/".join([*place[0], *map(str, place[1:])])
