"""A provider that only fails is left alone, probed, and used again or given up."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_run import PATIENT, one_gate, request
from virtual_time import run

from fakes import answered, question_of
from mesh_prompt_batch import breaker
from mesh_prompt_batch.breaker import Breaker
from mesh_prompt_batch.completion import Completion, CompletionRequest, Outcome
from mesh_prompt_batch.errors import RunStoppedError, TransientError
from mesh_prompt_batch.own_limits import Limits, OwnLimits
from mesh_prompt_batch.retry import RetryPolicy, complete_with_retries
from mesh_prompt_batch.router import Router
from mesh_prompt_batch.traffic import Traffic
from mesh_prompt_batch.window import run_window


@given(st.lists(st.tuples(st.sampled_from("SFPA"), st.floats(0, 100)), max_size=60))
def test_a_breaker_lets_one_call_through_at_a_time_while_it_is_open(
    story: list[tuple[str, float]],
) -> None:
    held, now, in_flight = Breaker(), 0.0, list[bool]()
    for event, wait in story:
        now += wait
        if event == "P":
            if held.delay(now) == 0.0:
                in_flight.append(held.is_open)
                held.started()
                assert in_flight.count(True) <= 1 or not held.is_open
        elif in_flight:
            probe = in_flight.pop(0)
            if event == "S":
                held.succeeded()
                in_flight = [False for _ in in_flight]
            elif event == "A" and probe:
                held.abandoned()
            else:
                held.failed(now, was_probe=probe)
        assert not held.is_open or held.delay(now) >= 0.0


def test_a_provider_that_only_fails_is_left_alone_probed_and_given_up() -> None:
    calls = list[float]()

    async def fails(_: CompletionRequest) -> Completion:
        calls.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0.1)
        raise TransientError("server", "", status=500)

    async def main() -> None:
        traffic = Traffic(
            OwnLimits(Limits(16, adaptive=False)), 600, now=asyncio.get_running_loop().time
        )
        router = Router(fails, traffic, lambda: ["llm"])
        left = iter(range(16))

        async def take() -> int | None:
            return next(left, None)

        async def work(_: int) -> None:
            await complete_with_retries(router.call, request(), PATIENT, traffic.sleep, lambda: 0.5)

        with pytest.raises(RunStoppedError, match=r"has failed every call for 1\d min"):
            await run_window(take, work, 16)

    _, took = run(main())
    assert 600 < took < 700
    assert len(calls) < 16 + 20


def test_a_provider_that_comes_back_is_used_again_and_no_row_is_lost() -> None:
    async def main() -> list[Outcome]:
        loop = asyncio.get_running_loop()

        async def down_for_a_minute(asked: CompletionRequest) -> Completion:
            await asyncio.sleep(0.1)
            if loop.time() < 60:
                raise TransientError("connection", "")
            return answered(question_of(asked))

        policy = RetryPolicy(max_retries=6, max_wait=600)
        gate = one_gate(down_for_a_minute, Limits(8), 600, now=loop.time)
        asked = [
            complete_with_retries(gate.call, request(str(n)), policy, gate.sleep, lambda: 0.5)
            for n in range(8)
        ]
        return list(await asyncio.gather(*asked))

    outcomes, took = run(main())
    assert all(isinstance(it, Completion) for it in outcomes)
    assert took < 60 + breaker.LONGEST_WAIT_SECONDS + 10
