"""A stage's model -> where it keeps right programs of the same functions.

What is kept of it is small, and enough for every table and picture: of each layer and function a few numbers, whose
mean over functions is the measure, so that functions can be drawn anew without the model; of one layer a projection.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from transfer_eval.errors import UserError
from transfer_eval.files import read_json, write_bytes
from transfer_eval.language import find
from transfer_eval.training.experiment import table
from transfer_eval.training.experiment.latent import COLUMNS, FACTS, FILE, PROJECTION, PROJECTION_FILE, SPACES
from transfer_eval.training.experiment.preset import Representation
from transfer_eval.training.experiment.stages import Stage
from transfer_eval.training.representation import geometry
from transfer_eval.training.representation.comparing import checkpoint_states
from transfer_eval.training.representation.geometry import Array
from transfer_eval.training.representation.programs import Parallel, parallel
from transfer_eval.training.representation.projection import project

PROJECTED = 24
"""Functions in the projection: more than a picture can show, and few enough for the files to stay small."""
_DIGITS = 4


def programs_of(asked: Representation, evaluated: Sequence[str]) -> Parallel:
    """The programs that models are to read, in the languages of ``asked`` or else in those that are evaluated.

    Raises:
        UserError: they are not to be had (:func:`.programs.parallel`).
    """
    return parallel(asked.suite, [find(name) for name in asked.languages or evaluated], asked.problems)


def observe(folder: Path, asked: Representation, programs: Parallel) -> dict[str, Any]:
    """What is to be kept of the model in ``folder``.

    Raises:
        UserError: there is no such layer, or a program is longer than the model's context.
    """
    states = checkpoint_states(folder, programs).astype(np.float64)
    if not np.isfinite(states).all():
        raise UserError(f"{folder}: its hidden states are no finite numbers")
    picture = (len(states) - 1) // 2 if asked.projected is None else asked.projected
    layers = asked.layers or tuple(range(len(states)))
    if absent := [layer for layer in (*layers, picture) if layer >= len(states)]:
        raise UserError(f"{folder}: has the layers 0 to {len(states) - 1}, and no {absent[0]}")
    return {
        "suite": programs.suite,
        "languages": programs.languages,
        "functions": programs.problems,
        "refused": programs.refused,
        "measured": [row for layer in layers for row in _measured(layer, states[layer])],
        "projected": list(_projected(picture, programs.languages, states[picture])),
    }


def _measured(layer: int, vectors: Array) -> list[list[float]]:
    """A row for each function: the layer, the function's number, and ``latent.MEASURES``."""
    cosine, centred = geometry.cosines(vectors), geometry.cosines(geometry.centred(vectors))
    pairs = (geometry.shares_of_problems(of(cosine)) for of in (geometry.same_language, geometry.random_pairs))
    columns = [*_retrieved(cosine), geometry.equivalent(cosine), *pairs, *geometry.silhouettes(cosine)]
    columns += [*_retrieved(centred), geometry.equivalent(centred), geometry.silhouettes(centred)[0]]
    return [[layer, number, *map(_rounded, row)] for number, row in enumerate(zip(*columns, strict=True))]


def _retrieved(cosine: Array) -> list[Array]:
    return [geometry.between_languages(by_pair) for by_pair in geometry.retrieval(cosine)]


def _projected(layer: int, languages: Sequence[str], vectors: Array) -> Iterator[list[Any]]:
    """The first functions on their two principal components, as they are and less their language's mean.

    The unit is the root of their total variance, so that a component's variance is its share.
    """
    shown = vectors[:, :PROJECTED]
    for space, seen in zip(SPACES, (shown, geometry.centred(shown)), strict=True):
        spread = np.sqrt(seen.reshape(-1, seen.shape[-1]).var(axis=0).sum())
        points = project(seen).points / (spread or 1.0)
        for language, of_language in zip(languages, points, strict=True):
            for number, (x, y) in enumerate(of_language):
                yield [space, layer, language, number, _rounded(x), _rounded(y)]


def _rounded(value: float) -> float:
    return round(float(value), _DIGITS) + 0.0  # a zero has no sign


def gather(kept: Sequence[tuple[Stage, Path]], raw: Path) -> dict[str, Any]:
    """Write ``representation.csv`` and, of the first seed, ``projection.csv``; return what they are of.

    Args:
        kept: each stage of every seed, and the file with what was observed; where there are none, nothing is left.

    Raises:
        UserError: stages were observed on different programs, or a file cannot be written.
    """
    measured: list[tuple[Any, ...]] = []
    projected: list[tuple[Any, ...]] = []
    facts: dict[str, Any] = {}
    for stage, path in kept:
        record = read_json(path)
        of = {name: record[name] for name in ("suite", "languages", "functions", "refused")}
        if facts and of != facts:
            raise UserError(f"{path}: is of other programs than {kept[0][1]}; delete one of them")
        facts, place = of, (stage.arm, stage.name, stage.seed)
        measured += [(*place, *row) for row in record["measured"]]
        projected += [(*place, *row) for row in record["projected"] if stage.seed == kept[0][0].seed]
    if not kept:
        for file in (FILE, PROJECTION_FILE):
            (raw / file).unlink(missing_ok=True)
        return {}
    write_bytes(raw / FILE, table.text(COLUMNS, measured).encode())
    write_bytes(raw / PROJECTION_FILE, table.text(PROJECTION, projected).encode())
    return {FACTS: facts}
