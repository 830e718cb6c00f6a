"""How all plots look: legible on a light and on a dark ground, and narrow enough for a phone.

Grounds are transparent and all text is one grey that stands out from both. Arms differ by colour (after Okabe and Ito,
for the colour-blind) and by marker.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from transfer_eval.training.experiment.resampling import Interval
from transfer_eval.training.experiment.results import SHARED
from transfer_eval.training.extra import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

FORMATS = ("svg", "png")
WIDTH = 5.2  # inches: 11-point text is 10 pixels high on a phone of 360
GREY = "#7a7a7a"
COLOURS = ("#d55e00", "#2b8cd6", "#0f9d74", "#c27ba0", "#b58900", "#8f7fe0")
MARKERS = "osD^vPX*"
STYLE = {
    "font.size": 11, "axes.titlesize": 11, "svg.fonttype": "path", "svg.hashsalt": "transfer-eval",
    "text.parse_math": False,  # a name may hold a dollar sign
    "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False, "savefig.transparent": True,
    "grid.color": GREY, "grid.alpha": 0.25, "lines.linewidth": 1.6,
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), GREY),
    "axes.facecolor": "none", "figure.facecolor": "none",
}  # fmt: skip


def draw(figures: Iterable[tuple[str, Figure]]) -> dict[str, dict[str, bytes]]:
    """The image of each figure in each of ``FORMATS``, by title. Figures are to be made as they are asked for.

    Raises:
        UserError: matplotlib is not installed.
    """
    with require("matplotlib", "report").rc_context(STYLE):
        return {title: {form: _rendered(figure, form) for form in FORMATS} for title, figure in figures}


def _rendered(figure: Figure, form: str) -> bytes:
    file = io.BytesIO()
    # Neither the date nor the library's version: equal results make equal files.
    figure.savefig(file, format=form, dpi=200, metadata={"svg": {"Date": None}, "png": {"Software": None}}[form])
    return file.getvalue()


def empty(panels: int, height: float, **options: Any) -> tuple[Figure, list[Axes]]:
    """A figure of panels one below the other, each ``height`` inches high, with room for a legend above."""
    figure = require("matplotlib.figure", "report").Figure((WIDTH, panels * height + 0.7), layout="constrained")
    return figure, list(figure.subplots(panels, 1, squeeze=False, **options)[:, 0])


Look = Mapping[str, Any]
"""A colour and a marker, as matplotlib takes them."""


def looks_of(names: Iterable[str]) -> dict[str, Look]:
    """A look for each; they repeat after 24. What all arms come from is grey."""
    names = list(names)
    rest = [name for name in names if name != SHARED]
    looks = {
        name: {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)]} for i, name in enumerate(rest)
    }
    return {name: looks.get(name, {"color": GREY, "marker": "X"}) for name in names}


def whiskers(interval: Interval) -> list[list[float]]:
    """As matplotlib's errorbar takes them."""
    return [[interval.value - interval.low], [interval.high - interval.value]]


def mark(label: str, **look: Any) -> Line2D:
    """An entry of a legend."""
    lines = require("matplotlib.lines", "report")
    made: Line2D = lines.Line2D([], [], label=label, **{"color": GREY, "linestyle": "none", **look})
    return made


def legend(figure: Figure, marks: Sequence[Line2D]) -> None:
    """Above all panels."""
    figure.legend(handles=marks, loc="outside upper center", ncols=2 if len(marks) == 4 else 3, handletextpad=0.4)
