"""A gate holds calls while the provider pauses, lets none start once it is closed, and counts out those that failed."""

import asyncio

import pytest
from simulated_run import one_gate, request
from virtual_time import run

from fakes import answered
from mesh_prompt_batch.completion import Completion, CompletionRequest, Outcome
from mesh_prompt_batch.errors import (
    CleanStopError,
    LimitReachedError,
    LlmError,
    RequestError,
    RunStoppedError,
    TransientError,
)
from mesh_prompt_batch.own_limits import Limits
from mesh_prompt_batch.retry import RetryPolicy, complete_with_retries


def test_one_pause_holds_all_calls_and_does_not_use_up_retries() -> None:
    calls = list[float]()

    async def main() -> list[Outcome]:
        loop = asyncio.get_running_loop()

        async def pauses(asked: CompletionRequest) -> Completion:
            started = loop.time()
            calls.append(started)
            await asyncio.sleep(0.1)
            if started < 1:
                raise TransientError("rate_limit", "", status=429, retry_after=30)
            return answered("fine")

        gate = one_gate(pauses, Limits(8, adaptive=False), 600, now=loop.time)
        policy = RetryPolicy(max_retries=0, max_wait=600)
        one = RetryPolicy(max_retries=1, max_wait=600)
        asked = [
            complete_with_retries(gate.call, request(), it, gate.sleep, lambda: 0.5)
            for it in (one, *[policy] * 7)
        ]
        return list(await asyncio.gather(*asked))

    outcomes, _ = run(main())
    assert all(isinstance(it, Completion) for it in outcomes)
    assert not [it for it in calls if 0.1 < it < 30]


def test_a_closed_gate_lets_nothing_start_and_wakes_who_waits() -> None:
    async def main() -> list[object]:
        loop = asyncio.get_running_loop()
        told = list[str]()

        async def slow(asked: CompletionRequest) -> Completion:
            await asyncio.sleep(10)
            return answered("fine")

        gate = one_gate(slow, Limits(1), 600, lambda: told.append("closed"), loop.time)
        waiting = [asyncio.ensure_future(gate.call(request())) for _ in range(3)]
        sleeping = asyncio.ensure_future(gate.sleep(1000))
        await asyncio.sleep(1)
        gate.close(CleanStopError("first"))
        gate.close(RunStoppedError("second"))
        ended = await asyncio.gather(*waiting, sleeping, return_exceptions=True)
        return [*ended, gate.reason, told]

    (first, second, third, slept, reason, told), took = run(main())
    assert isinstance(first, Completion)
    assert all(isinstance(it, LimitReachedError) for it in (second, third, slept))
    assert (str(reason), told, took) == ("first", ["closed"], 10)


@pytest.mark.parametrize("error", [RequestError("empty", ""), LlmError("quota", ""), ValueError()])
def test_other_errors_leave_nothing_in_flight(error: Exception) -> None:
    async def fails(_: CompletionRequest) -> Completion:
        raise error

    async def main() -> int:
        gate = one_gate(fails, Limits(1))
        for _ in range(3):
            with pytest.raises(type(error)):
                await gate.call(request())
        return gate.limiter.in_flight

    assert run(main())[0] == 0
