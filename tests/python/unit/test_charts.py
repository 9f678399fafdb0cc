"""Shapes stay within their picture, and stand for the values they are given."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_prompt_batch.charts import HEIGHT, WIDTH, Series, round_top, stacked, stairs, upright


@pytest.mark.parametrize(
    ("highest", "top"), [(0, 1), (0.07, 0.08), (1, 1), (1.2, 1.5), (64, 80), (99, 100), (101, 150)]
)
def test_the_top_is_a_round_number_not_far_above(highest: float, top: float) -> None:
    assert round_top(highest) == pytest.approx(top)


@given(st.floats(1e-6, 1e12))
def test_the_top_is_never_below_the_highest(highest: float) -> None:
    assert highest * (1 - 1e-6) <= round_top(highest) <= 1.7 * highest


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=1, max_size=30))
def test_columns_stand_on_each_other_and_stay_inside(values: list[tuple[float, float]]) -> None:
    lower, upper = ([it[n] for it in values] for n in (0, 1))
    series = [Series(lower, "c1", "a"), Series(upper, "e1", "b")]
    top = round_top(max(map(sum, values)))
    drawn = [re.findall(r"M(\S+) (\S+)v-(\S+)h(\S+)v", it) for it in stacked(series, top)]
    assert [len(it) for it in drawn] == [sum(value > 0 for value in it.values) for it in series]
    for left, bottom, height, width in (map(float, it) for shape in drawn for it in shape):
        assert 0 <= left <= left + width <= WIDTH + 0.11
        assert -0.2 <= bottom - height <= bottom <= HEIGHT + 0.1


def test_a_line_is_level_over_each_column() -> None:
    line = stairs(Series([0, 50], "c2", "a"), 100)
    assert 'points="0.0,200.0 500.0,200.0 500.0,100.0 1000.0,100.0"' in line
    assert 'x1="250.0"' in upright(0.25, "q1")
