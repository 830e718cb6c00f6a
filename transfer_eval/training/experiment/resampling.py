"""How sure a number is: a bootstrap over seeds and over problems, the same draws for everything.

All cells share the draws, problems by their names: a difference between arms, stages or languages is paired by itself.
There are three sets of draws: of seeds, of problems, and of single answers. Where seeds meet the same problems, drawing
seeds and problems at once would count the chance in single answers three times (Owen 2007; intervals came out 1.7 times
too wide); the variance is therefore that of seeds plus that of problems less that of answers, which both contain
(Cameron, Gelbach and Miller 2011), and never less than either. Where each seed has problems of its own, that is the
variance of seeds, which holds all.

For few seeds, where the plain bootstrap is too narrow, one seed fewer than there are is drawn (Rao and Wu 1988), and
the interval reaches as many standard errors as Student's t says, with Satterthwaite's degrees of freedom. Problems are
drawn by weights (Rubin's Bayesian bootstrap, 1981), so that no draw leaves a language without problems.

With one seed, seeds are not resampled: an interval then speaks of other problems, not of other seeds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from transfer_eval.metrics import wilson
from transfer_eval.training.experiment.results import Outcomes, Place
from transfer_eval.training.extra import require

RESAMPLES = 4000
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A value, its interval and, for a difference, the two-sided p of there being none."""

    value: float
    low: float
    high: float
    p: float

    @property
    def half_width(self) -> float:
        """Half of the interval's width."""
        return (self.high - self.low) / 2


@dataclass(frozen=True, eq=False)
class Quantity:
    """A linear combination of means over seeds and problems (of pass@1s, say), and what it was in each draw.

    Attributes:
        draws: shape (3, draws): of seeds, of problems, of single answers.
        problems: how many it rests on; the fewest, where its parts have different ones.
        counted: whether it counts passes, of which some may be yet to come where none was seen.
    """

    value: float
    draws: NDArray[np.float64]
    seeds: int
    problems: int
    counted: bool = True

    def __sub__(self, other: Quantity) -> Quantity:
        problems = min(self.problems, other.problems)
        return replace(self, value=self.value - other.value, draws=self.draws - other.draws, problems=problems)

    @cached_property
    def variance(self) -> float:
        """The squared standard error."""
        of_seeds, of_problems, of_answers = self.draws.var(axis=1)
        variance = float(max(of_seeds + of_problems - of_answers, of_seeds, of_problems))
        return variance if variance > 1e-18 else 0.0  # rounding leaves so much where there is none

    @cached_property
    def freedom(self) -> float:
        """Satterthwaite's degrees of freedom."""
        share = float(self.draws[0].var()) / self.variance if self.variance else 0.0
        return 1 / (share**2 / max(self.seeds - 1, 1) + (1 - share) ** 2 / max(self.problems - 1, 1))

    @cached_property
    def error(self) -> float:
        """The standard error.

        Where no draw differs from another (all problems failed, say), it is such that the interval reaches as far as
        Wilson's of no exception among the problems.
        """
        if self.variance or not self.counted:
            return math.sqrt(self.variance)
        return wilson(0, self.problems)[1] / student_quantile(LEVEL, self.freedom)

    def interval(self, level: float = LEVEL) -> Interval:
        """At a level of confidence."""
        half = student_quantile(level, self.freedom) * self.error
        p = student_p(abs(self.value) / self.error, self.freedom) if self.error else float(self.value == 0)
        return Interval(self.value, self.value - half, self.value + half, p)

    def share(self) -> Interval:
        """The interval of what lies between 0 and 1."""
        return self.within(0.0, 1.0)

    def within(self, least: float, most: float) -> Interval:
        """The interval of what lies between bounds."""
        of = self.interval()
        return Interval(of.value, max(of.low, least), min(of.high, most), math.nan)


def mean(quantities: Sequence[Quantity]) -> Quantity:
    """The unweighted mean.

    Raises:
        ValueError: there is nothing to average.
    """
    if not quantities:
        raise ValueError("no quantities")
    value = float(np.mean([q.value for q in quantities]))
    draws = np.mean([q.draws for q in quantities], axis=0)
    return replace(quantities[0], value=value, draws=draws, problems=min(q.problems for q in quantities))


def resample(outcomes: Outcomes[Place], resamples: int = RESAMPLES, seed: int = 0) -> Mapping[Place, Quantity]:
    """Each cell's mean over seeds of the mean over problems (of outcomes, pass@1), and that in each draw."""
    # RandomState, unlike Generator, is promised to draw the same in every version of NumPy: tables are compared.
    random = np.random.RandomState(seed)
    seeds, problems = len(outcomes.seeds), len(outcomes.problems)
    drawn = max(seeds - 1, 1)
    of_seeds = random.multinomial(drawn, np.full(seeds, 1 / seeds), size=resamples) / drawn
    of_problems = random.standard_exponential((resamples, problems))
    of_answers = random.standard_exponential((seeds, resamples, problems))
    quantities = {}
    for cell, passed in outcomes.cells.items():
        asked, passes = (~np.isnan(passed)).astype(float), np.nan_to_num(passed)
        by_seed = passes.sum(1) / asked.sum(1)
        draws = [
            of_seeds @ by_seed,
            ((of_problems @ passes.T) / (of_problems @ asked.T)).mean(1),
            # A matrix product for each seed: (resamples, problems) times (problems,).
            np.mean([(w @ p) / (w @ a) for w, p, a in zip(of_answers, passes, asked, strict=True)], axis=0),
        ]
        quantities[cell] = Quantity(float(by_seed.mean()), np.array(draws), seeds, int(asked.any(0).sum()))
    return quantities


@dataclass(frozen=True)
class Ratio:
    """A ratio and its interval, or NaN and the reason."""

    value: float
    low: float
    high: float
    reason: str


def ratio(numerator: Quantity, denominator: Quantity, name: str) -> Ratio:
    """The ratio with Fieller's interval (1954), only where the denominator is surely positive.

    Args:
        name: what the denominator is called in the reason.
    """
    below = denominator.interval()
    t = student_quantile(LEVEL, min(numerator.freedom, denominator.freedom))
    a, b = numerator.value, denominator.value
    c = b * b - (t * denominator.error) ** 2
    if below.low <= 0 or c <= 0:
        told = f"{b:+.3f}, {below.low:+.3f} to {below.high:+.3f}"
        return Ratio(math.nan, math.nan, math.nan, f"{name} is not surely positive ({told})")
    together = (numerator.variance + denominator.variance - (numerator - denominator).variance) / 2
    middle = a * b - t * t * together
    # Above 0 but for rounding: with a positive c the quadratic has real roots.
    root = math.sqrt(max(middle * middle - c * (a * a - (t * numerator.error) ** 2), 0.0))
    return Ratio(a / b, (middle - root) / c, (middle + root) / c, "")


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's adjusted p values (1979), in the order given."""
    adjusted, largest = [0.0] * len(ps), 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[place]))
        adjusted[place] = largest
    return adjusted


def student_quantile(level: float, freedom: float) -> float:
    """How many standard errors an interval of a level reaches."""
    return float(_special().stdtrit(freedom, (1 + level) / 2))


def student_p(statistic: float, freedom: float) -> float:
    """The two-sided p of a non-negative statistic."""
    return float(2 * _special().stdtr(freedom, -statistic))


def _special() -> ModuleType:
    return require("scipy.special", "report")
