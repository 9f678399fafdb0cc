"""The interval of a forecast holds the truth four times in five: on simulated providers, by fixed seeds."""

import heapq
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_prompt_batch.prediction import CALIBRATED_FROM, Interval, Seen, time_of, total_of

RUNS, ROWS, SAMPLE = 1_000, 400, 100
Draw = Callable[[random.Random], float]
# Tokens of an answer, before what depends on its request.
LENGTHS: dict[str, Draw] = {
    "alike": lambda it: max(1.0, it.gauss(100, 20)),
    "exponential": lambda it: 1 + it.expovariate(0.01),
    "log-normal": lambda it: it.lognormvariate(4, 0.5),
    "heavy, cut at max tokens": lambda it: min(500.0, it.lognormvariate(4, 1)),
    "short ones, one in five long": lambda it: (
        it.gauss(400, 30) if it.random() < 0.2 else it.gauss(20, 3)
    ),
    "gamma": lambda it: it.gammavariate(0.5, 200),
}


def inside(interval: Interval, truth: float) -> bool:
    return interval.low <= truth <= interval.high


def spanned(seconds: list[float], slots: int) -> float:
    """Calls that start one after the other, so many at once."""
    free = [0.0] * slots
    for it in seconds:
        heapq.heapreplace(free, free[0] + it)
    return max(free)


def coverage(name: str, calls: int, slope: float) -> tuple[float, float]:
    """Of the cost of all rows, and of the time that they take: in percent."""
    draw, hits, on_time = LENGTHS[name], 0, 0
    for seed in range(RUNS):
        chance = random.Random(seed)
        sizes = [chance.lognormvariate(6, 0.7) for _ in range(ROWS)]
        used = [draw(chance) + slope * size for size in sizes]
        seconds = [0.5 + 0.02 * it * chance.lognormvariate(0, 0.4) for it in used]
        sample = chance.sample(range(ROWS), SAMPLE)
        asked = chance.sample(sample, calls)
        known = [sizes[it] for it in sample]
        costs = total_of([Seen(sizes[it], 0.1 * sizes[it] + used[it]) for it in asked], known, ROWS)
        hits += inside(costs, sum(used) + 0.1 * sum(sizes))
        work = total_of([Seen(sizes[it], seconds[it]) for it in asked], known, ROWS)
        span = time_of(work, [seconds[it] for it in asked], 8, ROWS)
        on_time += inside(span, spanned(seconds, 8))
    return 100 * hits / RUNS, 100 * on_time / RUNS


WITH_SIZE, WITHOUT = 0.3, 0.0
CASES = [
    *((name, CALIBRATED_FROM, WITH_SIZE) for name in LENGTHS),
    ("heavy, cut at max tokens", CALIBRATED_FROM, WITHOUT),
    ("gamma", CALIBRATED_FROM, WITHOUT),
    ("log-normal", 80, WITH_SIZE),
]


@pytest.mark.simulation
@pytest.mark.parametrize(("name", "calls", "slope"), CASES)
def test_the_truth_is_inside_four_times_in_five(name: str, calls: int, slope: float) -> None:
    cost, span = coverage(name, calls, slope)
    assert 75 <= cost <= 85
    assert 75 <= span <= 85


def test_what_never_varies_is_told_exactly() -> None:
    assert total_of([Seen(3, 2.0)] * 30, [3.0] * 100, 1_000) == Interval(2_000, 2_000, 2_000)


def test_what_only_depends_on_the_size_is_told_by_the_sizes() -> None:
    sizes = [float(it) for it in range(1, 101)]
    found = total_of([Seen(it, 2 * it) for it in sizes[:30]], sizes, 100)
    assert found.low == pytest.approx(2 * sum(sizes))
    assert found.high == pytest.approx(2 * sum(sizes))


def test_where_all_were_asked_nothing_is_left_to_chance() -> None:
    used = [1.0, 5.0, 2.0, 9.0, 4.0, 4.5]
    found = total_of([Seen(1, it) for it in used], [1.0] * 6, 6)
    assert found.low == found.middle == found.high == pytest.approx(sum(used))


@given(
    st.lists(st.tuples(st.floats(1, 1e5), st.floats(0, 1e5)), min_size=5, max_size=60),
    st.integers(60, 10**6),
    st.floats(0.5, 1e3),
)
def test_low_middle_and_high_come_in_order_and_in_any_unit(
    pairs: list[tuple[float, float]], rows: int, unit: float
) -> None:
    seen = [Seen(size, used) for size, used in pairs]
    sizes = [size for size, _ in pairs]
    found = total_of(seen, sizes, rows)
    assert 0 <= found.low <= found.middle * (1 + 1e-9) + 1e-6
    assert found.middle <= found.high * (1 + 1e-9) + 1e-6
    other = total_of([Seen(it.size, it.used * unit) for it in seen], sizes, rows)
    assert other.high == pytest.approx(found.high * unit, rel=1e-3, abs=1e-3 * rows * unit)


def test_one_call_at_once_takes_all_the_time_and_many_the_longest() -> None:
    work = Interval(90, 100, 110)
    assert time_of(work, [1.0] * 30, 1, 100) == work
    assert time_of(Interval(100, 100, 100), [1.0] * 30, 500, 100).middle == pytest.approx(1.0)
