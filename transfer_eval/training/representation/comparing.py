"""From checkpoints in folders to tables and figures in a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from transfer_eval.errors import UserError
from transfer_eval.training import model
from transfer_eval.training.extra import require
from transfer_eval.training.representation import analysis, figures, geometry
from transfer_eval.training.representation.analysis import Row
from transfer_eval.training.representation.programs import Parallel
from transfer_eval.training.representation.projection import library, project
from transfer_eval.training.representation.states import states
from transfer_eval.training.settings import Model


def compare(
    folders: Sequence[Path],
    parallel: Parallel,
    out: Path,
    *,
    whole: bool = False,
    projection: str = "pca",
    layer: int | None = None,
) -> list[Row]:
    """Analyse the checkpoints in ``folders``, the first being the one that changes are from.

    Writes ``representation.csv`` and ``.json``, and as PNG and SVG ``layers``, ``projection`` and
    ``projection-centred``. Models are in their own precision, one at a time.

    Args:
        whole: count the heads, too. Without that they are seen, but the mean is over the body alone: a head says
            more of the language and the types than of the function.
        layer: of the projections; the middle one of each checkpoint if None.

    Raises:
        UserError: a folder has no checkpoint or is given twice, a layer is not there, an extra is missing.
    """
    library(projection)  # what is missing is said before hours of work
    require("matplotlib", "report")
    named = _named(folders)
    of_models = {name: checkpoint_states(folder, parallel, whole=whole) for name, folder in named.items()}
    for name, of_model in of_models.items():
        if layer is not None and layer >= len(of_model):
            raise UserError(f"{name} has the layers 0 to {len(of_model) - 1}, and no {layer}")
    rows = analysis.analyse(parallel, of_models)
    made = {"checkpoints": {name: str(folder) for name, folder in named.items()}, "mean": "whole" if whole else "body"}
    analysis.write(parallel, rows, out, made)
    figures.by_layer(rows, list(of_models), out / "layers")
    _draw(parallel, of_models, out, projection, layer)
    return rows


def _draw(
    parallel: Parallel, of_models: Mapping[str, npt.NDArray[np.float32]], out: Path, method: str, layer: int | None
) -> None:
    for file, turned in (("projection", np.asarray), ("projection-centred", geometry.centred)):
        pictures = {}
        for name, of_model in of_models.items():
            number = (len(of_model) - 1) // 2 if layer is None else layer
            title = f"{name}, layer {number} of {len(of_model) - 1}"
            pictures[title] = project(turned(of_model[number].astype(np.float64)), method)
        figures.scatter(parallel, pictures, out / file)


def _named(folders: Sequence[Path]) -> dict[str, Path]:
    """The folders by their names, or by their paths where names do not tell them apart."""
    names = [folder.resolve().name for folder in folders]
    if len(set(names)) < len(names):
        names = [str(folder) for folder in folders]
    if len(set(names)) < len(names):
        raise UserError("a checkpoint is given twice")
    return dict(zip(names, folders, strict=True))


def checkpoint_states(folder: Path, parallel: Parallel, *, whole: bool = False) -> npt.NDArray[np.float32]:
    """What the checkpoint in a folder makes of the programs, shape (layers + 1, languages, problems, hidden).

    Args:
        whole: count the heads, too.

    Raises:
        UserError: there is no checkpoint, or a program does not fit into the model's context.
    """
    import torch

    network, tokenizer = model.load(Model(path=str(folder)), (), 0)
    network.to("cuda" if torch.cuda.is_available() else "cpu")
    heads = [head for of in parallel.heads for head in of]
    bodies = [body for of in parallel.bodies for body in of]
    if whole:
        heads, bodies = [""] * len(bodies), [head + body for head, body in zip(heads, bodies, strict=True)]
    flat = states(network, tokenizer, bodies, heads)
    return flat.reshape(len(flat), len(parallel.languages), len(parallel.problems), -1)
