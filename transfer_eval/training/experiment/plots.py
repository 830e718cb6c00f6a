"""The plots of an experiment: what was gained, what was transferred, and how it was learnt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from transfer_eval.training.experiment.drawing import GREY, Look, empty, legend, looks_of, mark, whiskers
from transfer_eval.training.experiment.resampling import Interval
from transfer_eval.training.experiment.results import (
    REFERENCE,
    RL,
    SFT,
    STAGES,
    TRANSLATION,
    Cell,
    Point,
    named,
    ordered,
)
from transfer_eval.training.experiment.transfer import (
    AFTER,
    ALL,
    BEFORE,
    GAIN,
    PASS,
    Analysis,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_METRICS = {
    "entropy": "entropy, nats a token",
    "kl": "KL divergence from the start, nats a token",
    "reward": "reward, from 0 to 1",
    "gepo/accuracy": "GEPO accuracy, from 0 to 1",
    "gepo/loss": "GEPO loss",
    "gepo/margin": "GEPO margin",
}
"""Metrics as people read them, with units; others stand as they are called."""


def figures(analysis: Analysis) -> Iterator[tuple[str, Figure]]:
    """The plots that the results allow, by title.

    Raises:
        UserError: matplotlib is not installed.
    """
    if GAIN in analysis.measures:
        yield "pass@1 before and after RL in the source", _gains(analysis)
        yield "Gain in the source, gain in the targets", _transfer(analysis)
    else:
        yield "Ablation", _ablation(analysis)
    if any(cell.task == TRANSLATION for cell in analysis.cells):
        yield "pass@1 of translation, from and to", _matrix(analysis)
    compared = ordered(cell.arm for cell in analysis.cells if cell.stage in (SFT, RL))
    others = ordered(point.arm for point in analysis.results.curves if point.arm not in compared)
    looks = looks_of([*compared, *others])  # an arm looks alike in every plot
    for stage in STAGES:
        if points := [point for point in analysis.results.curves if point.stage == stage]:
            yield f"Learning curves, {stage}", _curves(points, looks)


def _gains(analysis: Analysis) -> Figure:
    before, after = analysis.measures[BEFORE], analysis.measures[AFTER]
    languages = [analysis.results.source, *(target.language for target in analysis.results.targets)]
    scopes = [*languages, ALL]
    figure, panels = empty(len(before), 0.3 * len(scopes) + 0.5, sharex=True)
    for panel, (arm, look) in zip(panels, looks_of(list(before)).items(), strict=True):
        for row, scope in enumerate(scopes):
            _change(panel, row, before[arm][scope].share(), after[arm][scope].share(), look["color"])
            if scope in analysis.oracles:
                panel.plot(analysis.oracles[scope].value, row, "|", color=GREY, markersize=13, markeredgewidth=2)
        names = [f"{scope} (source)" if scope == analysis.results.source else scope for scope in scopes]
        panel.set_yticks(range(len(scopes)), names)
        panel.set(title=arm, ylim=(len(scopes) - 0.4, -0.6), xlim=(-0.02, 1.02))
        panel.grid(axis="x")
        panel.tick_params(axis="y", length=0)
    panels[-1].set_xlabel("pass@1, with 95 % intervals")
    marks = [("o", "none", "before RL"), ("o", GREY, "after RL")]
    marks += [("|", GREY, "RL in that language")] if analysis.oracles else []
    legend(figure, [mark(label, marker=marker, markerfacecolor=face) for marker, face, label in marks])
    return figure


def _change(panel: Axes, row: int, before: Interval, after: Interval, colour: str) -> None:
    """A hollow dot, a filled one and the way between."""
    panel.plot([before.value, after.value], [row - 0.14, row + 0.14], color=colour, alpha=0.6)
    for interval, shift, face in ((before, -0.14, "none"), (after, 0.14, colour)):
        panel.errorbar(
            interval.value, row + shift, xerr=whiskers(interval), fmt="o", color=colour, markerfacecolor=face,
            elinewidth=1, markersize=6,
        )  # fmt: skip


def _transfer(analysis: Analysis) -> Figure:
    gains = analysis.measures[GAIN]
    figure, (panel,) = empty(1, 4.2)
    looks = looks_of(list(gains))
    for arm, look in looks.items():
        source, targets = gains[arm][analysis.results.source].interval(), gains[arm][ALL].interval()
        single = [gains[arm][target.language].value for target in analysis.results.targets]
        panel.plot([source.value] * len(single), single, linestyle="none", markersize=4, alpha=0.45, **look)
        panel.errorbar(
            source.value, targets.value, xerr=whiskers(source), yerr=whiskers(targets), fmt=look["marker"],
            color=look["color"], markersize=10,
        )  # fmt: skip
    panel.axhline(0, color=GREY, linewidth=1)
    panel.axline((0, 0), slope=1, color=GREY, linewidth=1, linestyle=":")
    panel.set(xlabel="gain of pass@1 in the source", ylabel="gain of pass@1 in the targets")
    panel.set_xlim(left=min(0.0, panel.get_xlim()[0]))
    panel.grid()
    marks = [mark(arm, **look) for arm, look in looks.items()]
    legend(figure, [*marks, mark("as much as in the source", linestyle=":", linewidth=1)])
    panel.set_title("large: mean of all targets, 95 %; small: each target", fontsize=10)
    return figure


def _ablation(analysis: Analysis) -> Figure:
    scores = analysis.measures[PASS]
    scopes = list(scores[REFERENCE])
    figure, panels = empty(len(scopes), 0.3 * len(scores) + 0.5, sharex=True)
    looks = looks_of(list(scores))
    for panel, scope in zip(panels, scopes, strict=True):
        panel.axvline(scores[REFERENCE][scope].value, color=GREY, linestyle=":", linewidth=1)
        for row, (arm, look) in enumerate(looks.items()):
            if scope in scores[arm]:
                interval = scores[arm][scope].share()
                panel.errorbar(
                    interval.value, row, xerr=whiskers(interval), fmt=look["marker"], color=look["color"], markersize=7
                )
        panel.set_yticks(range(len(scores)), map(named, scores))
        panel.set(title=scope, ylim=(len(scores) - 0.5, -0.5))
        panel.grid(axis="x")
        panel.tick_params(axis="y", length=0)
    panels[-1].set_xlabel("pass@1, with 95 % intervals")
    legend(figure, [mark(f"pass@1 of {REFERENCE}", linestyle=":", linewidth=1)])
    return figure


def _matrix(analysis: Analysis) -> Figure:
    """A panel for each arm as its last stage left it: from the languages on the left to those below."""
    cells = {cell: of for cell, of in analysis.cells.items() if cell.task == TRANSLATION}
    arms = ordered(cell.arm for cell in cells)
    sources = sorted({cell.source for cell in cells})
    listed = [analysis.results.source, *(target.language for target in analysis.results.targets)]
    targets = [name for name in listed if any(cell.language == name for cell in cells)]
    held_out = {target.language for target in analysis.results.targets if not target.in_corpus}
    figure, panels = empty(len(arms), 0.32 * len(sources) + 0.45, sharex=True)
    for panel, arm in zip(panels, arms, strict=True):
        stage = max((cell.stage for cell in cells if cell.arm == arm), key=STAGES.index)
        places = [[Cell(arm, stage, TRANSLATION, source, target) for target in targets] for source in sources]
        _squares(panel, [[cells[of].value if of in cells else np.nan for of in row] for row in places])
        panel.set_title(named(arm))
        panel.set_yticks(range(len(sources)), [f"from {source}" for source in sources])
    names = [f"{name}*" if name in held_out else name for name in targets]
    panels[-1].set_xticks(range(len(targets)), names, rotation=40, ha="right")
    panels[-1].set_xlabel("to (*: held out from RL)")
    return figure


def _squares(panel: Axes, values: Sequence[Sequence[float]]) -> None:
    """A heat map from 0 to 1 with the numbers in it, whose text stands out from each square."""
    panel.imshow(values, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)
    for row, of_row in enumerate(values):
        for column, value in enumerate(of_row):
            if not np.isnan(value):
                colour = "black" if value > 0.5 else "white"
                panel.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour, fontsize=9)


def _curves(points: Sequence[Point], looks: Mapping[str, Look]) -> Figure:
    """A panel for each metric: the mean over seeds, and here and there from the lowest seed to the highest.

    What is 0 throughout was not asked for, as the KL of a policy without a reference.
    """
    metrics = sorted({point.metric for point in points if point.value})
    figure, panels = empty(len(metrics), 2.1, sharex=True)
    arms = [arm for arm in looks if any(point.arm == arm for point in points)]
    for panel, metric in zip(panels, metrics, strict=True):
        for number, arm in enumerate(arms):
            steps: dict[int, list[float]] = {}
            for point in points:
                if (point.arm, point.metric) == (arm, metric):
                    steps.setdefault(point.step, []).append(point.value)
            if steps:
                _curve(panel, dict(sorted(steps.items())), looks[arm], number / len(arms))
        panel.set_title(_METRICS.get(metric, metric))
        panel.grid()
    panels[-1].locator_params(axis="x", integer=True)
    panels[-1].set_xlabel("step; line: mean over seeds, bar: lowest to highest")
    legend(figure, [mark(named(arm), linestyle="-", **looks[arm]) for arm in arms])
    return figure


def _curve(panel: Axes, steps: Mapping[int, Sequence[float]], look: Look, aside: float) -> None:
    """A line of means. The bars of arms take turns: bands would cover each other."""
    means = np.array([np.mean(values) for values in steps.values()])
    lowest, highest = (np.array([of(values) for values in steps.values()]) for of in (min, max))
    panel.plot(list(steps), means, color=look["color"])
    apart = max(len(steps) // 5, 1)
    turn = slice(int(aside * apart), None, apart)
    panel.errorbar(
        list(steps)[turn], means[turn], yerr=[(means - lowest)[turn], (highest - means)[turn]], fmt="",
        linestyle="none", markersize=5, elinewidth=1, **look,
    )  # fmt: skip
