"""pass@k and its intervals: pure arithmetic, no files, no languages.

Estimator: Chen et al. 2021 (https://arxiv.org/abs/2107.03374), eq. 1. Absent evidence is never a
score: k > n is refused.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_RESAMPLES = 5000
_Z95 = 1.959963984540054  # the 97.5th percentile of the normal distribution


@dataclass(frozen=True)
class Estimate:
    """A mean over problems with a 95 % interval. ``method`` names how the interval was had."""

    value: float
    low: float
    high: float
    method: str


def pass_at_k(n: int, c: int, k: int) -> float:
    """The unbiased estimate of pass@k from ``c`` passes in ``n`` samples: 1 - C(n-c, k) / C(n, k).

    Raises:
        ValueError: k > n (there is no such evidence), or c is not within 0..n.
    """
    if not 0 <= c <= n:
        raise ValueError(f"{c} passes in {n} samples")
    if not 1 <= k <= n:
        raise ValueError(f"pass@{k} needs at least {k} samples a problem, there are {n}")
    return 1.0 - math.comb(n - c, k) / math.comb(n, k)


def upstream_pass_at_k(n: int, c: int, k: int) -> float:
    """MultiPL-E's formula, kept for ``--multipl-e``: 1.0 whenever n - c < k, so also for any k > n."""
    if n - c < k:
        return 1.0
    return float(1.0 - np.prod(1.0 - k / np.arange(n - c + 1, n + 1)))


def mean_pass_at_k(counts: Sequence[tuple[int, int]], k: int) -> Estimate:
    """pass@k over problems, each given as (samples, passes).

    One sample a problem gives a proportion, hence a Wilson interval; otherwise the problems are
    resampled (percentile bootstrap, fixed seed, so that a score is the same each time it is read).

    Raises:
        ValueError: no problems, or k > n for one of them.
    """
    if not counts:
        raise ValueError("no problems")
    values = np.array([pass_at_k(n, c, k) for n, c in counts])
    if k == 1 and all(n == 1 for n, _ in counts):
        low, high = wilson(int(values.sum()), len(values))
        return Estimate(float(values.mean()), low, high, "wilson")
    draws = np.random.default_rng(0).integers(0, len(values), size=(_RESAMPLES, len(values)))
    low, high = np.percentile(values[draws].mean(axis=1), [2.5, 97.5])
    return Estimate(float(values.mean()), float(low), float(high), "bootstrap")


def wilson(passed: int, total: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of a proportion (Wilson 1927)."""
    p, z2 = passed / total, _Z95**2
    centre = p + z2 / (2 * total)
    spread = _Z95 * math.sqrt(p * (1 - p) / total + z2 / (4 * total**2))
    scale = 1 + z2 / total
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)
