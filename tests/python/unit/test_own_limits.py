"""Requests and tokens a minute: never passed, and used up."""

import asyncio
import heapq
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_provider import Provider
from simulated_run import one_gate, request, seconds
from virtual_time import run

from mesh_prompt_batch.own_limits import Limits, OwnLimits
from mesh_prompt_batch.pace import Pace


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(1, 30)), max_size=60), st.integers(1, 200))
def test_no_minute_has_more_than_its_pace_and_the_last_amount(
    wishes: list[tuple[float, int]], per_minute: int
) -> None:
    pace, now, taken = Pace(per_minute), 0.0, list[tuple[float, int]]()
    for wait, amount in wishes:
        now += wait
        now += pace.delay(now)
        pace.take(now, amount)
        taken.append((now, amount))
    for start, _ in taken:
        within = [amount for at, amount in taken if start <= at < start + 60 - 1e-6]
        assert sum(within[:-1]) <= per_minute + 1e-6


def test_requests_a_minute_are_never_passed() -> None:
    provider = Provider(latency=0.2)
    _, took = seconds(provider, 500, Limits(64, adaptive=False, requests_per_minute=120))
    for moment in provider.moments:
        assert sum(moment <= it < moment + 59.99 for it in provider.moments) <= 120
    assert took < 1.05 * 500 / 120 * 60


def test_tokens_a_minute_are_reserved_and_given_back() -> None:
    """Reserved are 500 and a bit, used are 3 a row: what is given back makes room."""
    provider = Provider(latency=0.2)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        limits = Limits(8, adaptive=False, tokens_per_minute=600)
        gate = one_gate(provider.call, limits, now=loop.time)
        for _ in range(100):
            await gate.call(request(max_tokens=500))

    _, took = run(main())
    assert 0.9 * 100 * 3 / 600 * 60 < took < 1.2 * (100 * 3 / 600 * 60 + 100 * 0.2)


@pytest.mark.parametrize("reserved", [330, 620, 1320])
def test_a_limit_of_tokens_is_used_up_though_calls_reserve_much_more_than_they_use(
    reserved: int,
) -> None:
    """What is given back comes when the next call has waited for too long already."""
    drawn, limit, minutes = random.Random(1), 80_000, 6
    own = OwnLimits(Limits(1024, adaptive=False, tokens_per_minute=limit))
    now, ends, used = 0.0, list[tuple[float, float]](), list[tuple[float, float]]()
    while now < 60 * minutes:
        if (delay := own.delay(now)) == 0.0:
            tokens = drawn.uniform(220, 420)
            own.started(now, reserved)
            used.append((now, tokens))
            heapq.heappush(ends, (now + drawn.lognormvariate(0.7, 0.5), reserved - tokens))
        elif ends and ends[0][0] <= now + delay:
            now, unused = heapq.heappop(ends)
            own.ended(unused)
        else:
            now += delay
    assert sum(tokens for _, tokens in used) >= 0.97 * limit * minutes
    for start, _ in used:
        within = [tokens for at, tokens in used if start <= at < start + 60]
        assert sum(within) <= 1.05 * limit
