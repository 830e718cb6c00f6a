"""The plots of the latent space: its measures by layer, and its programs on a plane before and after each stage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from transfer_eval.training.experiment.drawing import GREY, WIDTH, Look, empty, legend, looks_of, mark, whiskers
from transfer_eval.training.experiment.latent import Latent, Model, Spot
from transfer_eval.training.experiment.results import BASE, RL, SFT, named
from transfer_eval.training.experiment.space import NAMES, SHOWN, Space, path
from transfer_eval.training.extra import require
from transfer_eval.training.representation.analysis import CENTRED, RAW

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_NAMED = 6
"""Functions with a colour of their own: more could not be told apart."""


def figures(space: Space) -> Iterator[tuple[str, Figure]]:
    """All of them, by title.

    Raises:
        UserError: matplotlib is not installed.
    """
    by_stage = {stage: [model for model in space.models if model.stage == stage] for stage in (BASE, SFT, RL)}
    if len(by_stage[SFT]) > 1:  # arms differ before RL already: a figure for each stage, or none could be read
        for stage in (SFT, RL):
            yield f"Latent space by layer, after {stage}", _by_layer(space, [*by_stage[BASE], *by_stage[stage]])
    else:
        yield "Latent space by layer", _by_layer(space, [*by_stage[BASE], *by_stage[SFT], *by_stage[RL]])
    paths = [path(space, model) for model in by_stage[RL]]
    common = [model for model in space.models if paths and all(model in of for of in paths)]
    for models in (common, *([model for model in of if model not in common] for of in paths)):
        if models:
            arms = " and ".join(dict.fromkeys(named(model.arm) for model in models))
            where = f"seed {space.latent.seeds[0]}, layer {space.latent.picture_layer}"
            yield f"Programs on a plane, {arms} ({where})", _projections(space.latent, models)


def _by_layer(space: Space, models: Sequence[Model]) -> Figure:
    figure, panels = empty(len(SHOWN), 1.9, sharex=True)
    looks = looks_of(model.arm for model in models)
    for panel, (measure, unit) in zip(panels, SHOWN.items(), strict=True):
        for number, model in enumerate(models):
            _line(panel, space, model, measure, looks[model.arm], 0.08 * (number - (len(models) - 1) / 2))
        if (chance := space.chance(measure)) is not None:
            panel.axhline(chance, color=GREY, linestyle=":", linewidth=1)
        panel.set(title=NAMES[measure], ylabel=unit)
        panel.set_xticks(space.latent.layers)
        panel.grid(axis="y")
    panels[-1].set_xlabel("layer (0: embeddings), with 95 % intervals")
    marks = [mark(named(arm), linestyle="-", **look) for arm, look in looks.items()]
    legend(figure, [*marks, mark("chance", linestyle=":", linewidth=1)])
    return figure


def _line(panel: Axes, space: Space, model: Model, measure: str, look: Look, aside: float) -> None:
    """A model's measure by layer, a little aside so that intervals do not hide each other."""
    levels = [space.level(Spot(model, str(layer), measure)) for layer in space.latent.layers]
    for layer, level in zip(space.latent.layers, levels, strict=True):
        panel.errorbar(layer + aside, level.value, yerr=whiskers(level), markersize=5, elinewidth=1, fmt="", **look)
    at = [layer + aside for layer in space.latent.layers]
    panel.plot(at, [level.value for level in levels], color=look["color"], linewidth=1, alpha=0.7)


def _projections(latent: Latent, models: Sequence[Model]) -> Figure:
    """A row for each model, first to last: its programs by function on the left, by language on the right.

    On the left without what all programs of a language have in common, which would leave functions no room.
    """
    size = (WIDTH, 2.8 * len(models) + 0.25 * (_NAMED + 4))
    figure: Figure = require("matplotlib.figure", "report").Figure(size, layout="constrained")
    shown = latent.pictures[models[0], RAW].shape[1]
    functions, languages = looks_of(latent.functions[: min(_NAMED, shown)]), looks_of(latent.languages)
    for model, (left, right) in zip(models, figure.subplots(len(models), 2, squeeze=False), strict=True):
        centred, raw = latent.pictures[model, CENTRED], latent.pictures[model, RAW]
        left.scatter(*centred[:, len(functions) :].reshape(-1, 2).T, s=6, color=GREY, alpha=0.35, linewidths=0)
        for number, look in enumerate(functions.values()):
            left.plot(*centred[:, number].T, color=look["color"], linewidth=0.6, alpha=0.6)
            left.scatter(*centred[:, number].T, s=18, linewidths=0, **look)
        for number, look in enumerate(languages.values()):
            right.scatter(*raw[number].T, s=12, alpha=0.8, linewidths=0, **look)
        left.set_title(BASE if model.stage == BASE else f"after {model.stage}", loc="left")
        _frame(left, centred)
        _frame(right, raw)
    functions["other functions"] = {"marker": "."}
    _key(figure, "left: by function, less each language's mean", functions, "outside upper left", 1)
    _key(figure, "right: by language, as they are", languages, "outside lower left", 4)
    return figure


def _key(figure: Figure, title: str, looks: Mapping[str, Look], place: str, columns: int) -> None:
    figure.legend(
        handles=[mark(name, **look) for name, look in looks.items()], loc=place, ncols=columns, title=title,
        alignment="left", fontsize=9, title_fontsize=10, handletextpad=0.2,
    )  # fmt: skip


def _frame(panel: Axes, points: NDArray[Any]) -> None:
    """Axes without numbers, which would mean nothing; their shares of the variance are said."""
    one, two = points.reshape(-1, 2).var(axis=0)
    panel.set(xticks=[], yticks=[], aspect="equal", adjustable="datalim", box_aspect=1)
    panel.set_xlabel(f"component 1: {one:.0%}", fontsize=9)
    panel.set_ylabel(f"component 2: {two:.0%}", fontsize=9)
