"""pass@k against its definition, intervals against known values."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer_eval.metrics import mean_pass_at_k, pass_at_k, upstream_pass_at_k, wilson


@given(st.integers(1, 8), st.data())
def test_pass_at_k_is_the_share_of_draws_with_a_pass(n: int, data: st.DataObject) -> None:
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    draws = list(itertools.combinations([True] * c + [False] * (n - c), k))
    assert math.isclose(pass_at_k(n, c, k), sum(map(any, draws)) / len(draws))


@given(st.integers(1, 60), st.data())
def test_upstreams_formula_agrees_where_it_is_defined(n: int, data: st.DataObject) -> None:
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    assert math.isclose(pass_at_k(n, c, k), upstream_pass_at_k(n, c, k), abs_tol=1e-9)


def test_more_than_there_is_evidence_for_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 samples"):
        pass_at_k(1, 1, 2)
    assert upstream_pass_at_k(1, 0, 2) == 1.0, "upstream's bug, kept for --multipl-e"


def test_wilson_against_published_values() -> None:
    assert wilson(0, 10) == pytest.approx((0.0, 0.27753), abs=1e-4)
    assert wilson(5, 10) == pytest.approx((0.23659, 0.76341), abs=1e-4)
    assert wilson(10, 10) == pytest.approx((0.72247, 1.0), abs=1e-4)


@given(st.lists(st.booleans(), min_size=1, max_size=50))
def test_intervals_hold_their_mean(passes: list[bool]) -> None:
    for samples in (1, 2):
        estimate = mean_pass_at_k([(samples, samples * p) for p in passes], 1)
        assert estimate.low - 1e-9 <= estimate.value <= estimate.high + 1e-9
        assert estimate.method == ("wilson" if samples == 1 else "bootstrap")


def test_a_score_is_the_same_each_time_it_is_read() -> None:
    counts = [(4, i % 5) for i in range(30)]
    assert mean_pass_at_k(counts, 2) == mean_pass_at_k(counts, 2)
