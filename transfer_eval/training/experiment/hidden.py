"""A stage's model -> where it keeps right programs of the same functions, kept beside what it answered.

What is kept is small and enough for every table and picture: of each layer and function a few numbers, whose mean over
functions is the measure, so that functions can be drawn anew without the model; and of one layer, a projection.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from transfer_eval.errors import UserError
from transfer_eval.files import read_json, write_bytes, write_json
from transfer_eval.language import find
from transfer_eval.training.experiment import table
from transfer_eval.training.experiment.latent import COLUMNS, FACTS, FILE, PROJECTION, PROJECTION_FILE, SPACES
from transfer_eval.training.experiment.preset import Experiment, Representation
from transfer_eval.training.experiment.stages import Stage
from transfer_eval.training.representation import geometry
from transfer_eval.training.representation.comparing import checkpoint_states
from transfer_eval.training.representation.geometry import Array
from transfer_eval.training.representation.programs import parallel
from transfer_eval.training.representation.projection import project

PROJECTED = 24
"""Functions in the projection: more than a picture can show, and few enough for the files to stay small."""
_DIGITS = 4


def kept(folder: Path, experiment: Experiment) -> Path | None:
    """Where what was found of the model in ``folder`` stands; None if the experiment does not ask."""
    asked = experiment.representation
    if asked is None:
        return None
    told = json.dumps([asked.model_dump(exclude_defaults=True), _languages(experiment, asked)])
    return folder / f"representation-{hashlib.sha256(told.encode()).hexdigest()[:12]}.json"


def observe(folder: Path, experiment: Experiment) -> None:
    """Measure the model in ``folder``, once.

    Raises:
        UserError: there are no such programs or layers, or a program is longer than the model's context.
    """
    path, asked = kept(folder, experiment), experiment.representation
    if path is None or asked is None or path.exists():
        return
    programs = parallel(asked.suite, [find(name) for name in _languages(experiment, asked)], asked.problems)
    states = checkpoint_states(folder, programs).astype(np.float64)
    if not np.isfinite(states).all():
        raise UserError(f"{folder}: its hidden states are no finite numbers")
    picture = (len(states) - 1) // 2 if asked.projected is None else asked.projected
    layers = asked.layers or tuple(range(len(states)))
    if absent := [layer for layer in (*layers, picture) if layer >= len(states)]:
        raise UserError(f"{folder}: has the layers 0 to {len(states) - 1}, and no {absent[0]}")
    write_json(path, {
        "suite": programs.suite,
        "languages": programs.languages,
        "functions": programs.problems,
        "refused": programs.refused,
        "measured": [row for layer in layers for row in _measured(layer, states[layer])],
        "projected": list(_projected(picture, programs.languages, states[picture])),
    })  # fmt: skip


def _languages(experiment: Experiment, asked: Representation) -> list[str]:
    return [find(name).name for name in asked.languages or experiment.languages.every]


def _measured(layer: int, vectors: Array) -> list[list[float]]:
    """A row for each function: the layer, the function's number, and ``latent.MEASURES``."""
    cosine = geometry.cosines(vectors)
    top1, mrr = (geometry.between_languages(by_pair) for by_pair in geometry.retrieval(cosine))
    pairs = (geometry.shares_of_problems(of(cosine)) for of in (geometry.same_language, geometry.random_pairs))
    columns = (top1, mrr, geometry.equivalent(cosine), *pairs, *geometry.silhouettes(cosine))
    return [[layer, number, *map(_rounded, row)] for number, row in enumerate(zip(*columns, strict=True))]


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


def gather(experiment: Experiment, made: Sequence[Stage], folders: Sequence[Path], raw: Path) -> Mapping[str, Any]:
    """Write ``representation.csv`` and, of the first seed, ``projection.csv``; return what they are of.

    Args:
        made: the stages of all seeds, ``folders`` their models.

    Raises:
        UserError: stages were measured on different programs, or a file cannot be written.
    """
    measured: list[tuple[Any, ...]] = []
    projected: list[tuple[Any, ...]] = []
    facts: dict[str, Any] = {}
    for stage, folder in zip(made, folders, strict=True):
        path = kept(folder, experiment)
        if path is None:
            for file in (FILE, PROJECTION_FILE):  # of a preset that asked
                (raw / file).unlink(missing_ok=True)
            return {}
        record = read_json(path)
        of = {name: record[name] for name in ("suite", "languages", "functions", "refused")}
        if facts and of != facts:
            raise UserError(f"{path}: is of other programs than {kept(folders[0], experiment)}; delete one of them")
        facts, place = of, (stage.arm, stage.name, stage.seed)
        measured += [(*place, *row) for row in record["measured"]]
        projected += [(*place, *row) for row in record["projected"] if stage.seed == made[0].seed]
    write_bytes(raw / FILE, table.text(COLUMNS, measured).encode())
    write_bytes(raw / PROJECTION_FILE, table.text(PROJECTION, projected).encode())
    return {FACTS: facts}
