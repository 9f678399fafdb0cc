"""How long the rest takes: an interval that holds the truth about as often as it says."""

import random
from bisect import bisect_right

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_prompt_batch.eta import Eta, duration


@given(
    st.lists(st.tuples(st.floats(0.1, 60), st.integers(0, 500)), max_size=30), st.integers(0, 9999)
)
def test_the_interval_is_one_and_holds_the_mean_speed(
    steps: list[tuple[float, int]], rows: int
) -> None:
    eta, seconds, done = Eta(), 0.0, 0
    for step, more in steps:
        seconds, done = seconds + step, done + more
        eta.told(seconds, done)
    left = eta.left(rows)
    if left is not None:
        assert 0 < left[0] <= left[1]
        assert left[0] <= rows * seconds / done * (1 + 1e-9)
        assert rows * seconds / done <= left[1] * (1 + 1e-9)


def test_nothing_is_said_before_a_few_rows_or_when_none_is_left() -> None:
    eta = Eta()
    assert eta.left(10) is None
    eta.told(1.0, 2)
    assert eta.left(10) is None
    eta.told(2.0, 20)
    assert eta.left(0) is None
    assert eta.left(10) is not None


def test_a_run_that_slows_down_is_seen_in_the_slow_end() -> None:
    eta = Eta()
    for second in range(1, 61):
        eta.told(second, min(second, 30) * 100 + max(0, second - 30) * 10)
    left = eta.left(1000)
    assert left is not None
    assert left[0] < 1000 / (3300 / 60) < 1000 / 10 < left[1]


@pytest.mark.simulation
@pytest.mark.parametrize(("rows_a_second", "after"), [(2.0, 30), (20.0, 60), (0.5, 120)])
def test_on_a_steady_provider_it_holds_the_truth_in_four_of_five_runs(
    rows_a_second: float, after: int
) -> None:
    chance, held, runs = random.Random(7), 0, 400
    for _ in range(runs):
        ends, now = list[float](), 0.0
        while len(ends) < after * rows_a_second * 4:
            now += chance.expovariate(rows_a_second)
            ends.append(now)
        eta = Eta()
        for second in range(1, after + 1):
            eta.told(float(second), bisect_right(ends, second))
        done = bisect_right(ends, after)
        left = eta.left(len(ends) - done)
        held += left is not None and left[0] <= ends[-1] - after <= left[1]
    assert held / runs >= 0.8


@pytest.mark.parametrize(
    ("seconds", "text"), [(42.04, "42.0 s"), (200, "3 min 20 s"), (18_120, "5 h 02 min")]
)
def test_durations_are_written_as_people_write_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text
