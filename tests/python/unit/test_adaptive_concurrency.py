"""How many calls at once an LLM bears, found out in virtual time against a provider that tells nobody."""

import asyncio
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_provider import Provider
from simulated_run import HIDDEN, PATIENT, WARM_UP, one_gate, request, seconds
from virtual_time import run

from mesh_prompt_batch.adaptive_concurrency import AdaptiveConcurrency
from mesh_prompt_batch.own_limits import Limits
from mesh_prompt_batch.retry import complete_with_retries
from mesh_prompt_batch.window import run_window


@pytest.mark.simulation
@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
@pytest.mark.parametrize("seed", range(1, 11) if os.environ.get("TORTURE") else [1])
def test_it_comes_near_the_best_fixed_concurrency_with_few_refusals(
    hidden: dict[str, float], seed: int
) -> None:
    most = 64
    provider = Provider(**hidden, seed=seed)  # type: ignore[arg-type]  # numbers all
    best = min(most, provider.bears)
    # Five minutes of the best that can be done.
    rows = min(int(300 / provider.latency * best), 5 * provider.a_minute)
    _, adaptive = seconds(provider, rows, Limits(most))
    fixed = Provider(**hidden, seed=seed)  # type: ignore[arg-type]  # as above
    _, ideal = seconds(
        fixed, rows, Limits(best, adaptive=False, requests_per_minute=best_pace(hidden))
    )
    assert adaptive <= ideal / 0.9, f"{rows / adaptive:.1f} rows/s, {rows / ideal:.1f} at best"
    assert provider.refused_share(WARM_UP) <= 0.05


def best_pace(hidden: dict[str, float]) -> int | None:
    return int(hidden["a_minute"]) if "a_minute" in hidden else None


def test_it_recovers_from_one_call_at_once() -> None:
    """A spell of refusals must not leave it crawling (never a livelock at 1)."""
    provider = Provider(bears=1)

    async def main() -> int:
        loop = asyncio.get_running_loop()
        gate = one_gate(provider.call, Limits(64), 3600, now=loop.time)
        loop.call_later(60, setattr, provider, "bears", 64)
        provider._places = asyncio.Semaphore(64)

        async def take() -> int | None:
            return 1 if loop.time() < 240 else None

        async def work(_: int) -> None:
            await complete_with_retries(gate.call, request(), PATIENT, gate.sleep, lambda: 0.5)

        await run_window(take, work, 64)
        return gate.limiter.concurrency

    concurrency, _ = run(main())
    assert concurrency >= 58


@given(
    st.lists(
        st.tuples(st.sampled_from(["ok", "refused"]), st.floats(0.01, 5), st.floats(0.01, 9)),
        max_size=200,
    ),
    st.integers(1, 100),
)
def test_the_limit_stays_between_one_and_the_most(
    story: list[tuple[str, float, float]], most: int
) -> None:
    adaptive, now = AdaptiveConcurrency(most), 0.0
    for event, wait, latency in story:
        now += wait
        in_flight = int(adaptive.limit)
        if event == "ok":
            adaptive.succeeded(now, latency, in_flight, in_flight)
        else:
            adaptive.refused(now, now - latency, in_flight)
        assert 1 <= adaptive.limit <= most
