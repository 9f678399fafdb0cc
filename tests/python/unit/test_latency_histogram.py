"""Quantiles of a fixed size: how far they may be off."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_prompt_batch.latency_histogram import LOWEST_SECONDS, MOST_ERROR, LatencyHistogram

SECONDS = st.floats(LOWEST_SECONDS, 100_000)


def filled(taken: list[float]) -> LatencyHistogram:
    histogram = LatencyHistogram()
    for seconds in taken:
        histogram.add(seconds)
    return histogram


@given(st.lists(SECONDS, min_size=1, max_size=60), st.sampled_from([0.01, 0.5, 0.95, 0.99, 1.0]))
def test_a_quantile_is_off_by_no_more_than_it_says(taken: list[float], share: float) -> None:
    exact = sorted(taken)[math.ceil(share * len(taken)) - 1]
    found = filled(taken).quantile(share)
    assert found is not None
    assert abs(found - exact) <= exact * MOST_ERROR * (1 + 1e-9)
    assert MOST_ERROR < 0.025


@given(st.lists(st.floats(0, 1e9), max_size=60), st.integers(1, 50))
def test_bars_hold_every_call_in_order(taken: list[float], most: int) -> None:
    bars = filled(taken).bars(most)
    assert len(bars) <= most
    assert sum(it.calls for it in bars) == len(taken)
    assert all(left.high == right.low for left, right in itertools.pairwise(bars))


@pytest.mark.parametrize("taken", [0.0, 0.0004, 1e9])
def test_calls_beyond_the_bins_keep_their_bounds(taken: float) -> None:
    assert filled([taken]).quantile(0.5) == taken


def test_without_calls_there_is_no_quantile() -> None:
    assert filled([]).quantile(0.5) is None
