"""What keeps a run from going faster, as the log says it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from mesh_prompt_batch.completion import Completion, CompletionRequest
from mesh_prompt_batch.errors import CleanStopError, TransientError
from mesh_prompt_batch.lanes import Lanes
from mesh_prompt_batch.limiter import Limiter
from mesh_prompt_batch.own_limits import LOOK_SECONDS, Limits, OwnLimits
from mesh_prompt_batch.router import Router
from mesh_prompt_batch.run_store import KeyedRow, RunStore
from mesh_prompt_batch.traffic import Traffic

NOW = 100.0


def request(llm_id: str) -> CompletionRequest:
    return CompletionRequest(llm_id, ({"role": "user", "content": "q"},), {"max_tokens": 1})


@pytest.mark.parametrize(
    ("limits", "tokens", "bound"),
    [
        (Limits(2), 1.0, ""),
        (Limits(1), 1.0, "'Calls at once'"),
        (Limits(2, requests_per_minute=1), 1.0, "'Requests a minute'"),
        (Limits(2, tokens_per_minute=10), 20.0, "'Tokens a minute'"),
    ],
)
def test_own_limits_are_named_by_their_fields(limits: Limits, tokens: float, bound: str) -> None:
    own = OwnLimits(limits)
    own.started(NOW, tokens)
    assert own.bound(NOW) == bound


def test_others_that_have_all_the_share_are_named() -> None:
    own = OwnLimits(Limits(2, requests_per_minute=1), lambda _now: 0.0)
    assert own.delay(NOW) == LOOK_SECONDS
    assert own.bound(NOW) == "the share of the limits, which partitions settle among them"


def test_an_llm_is_told_by_what_it_does() -> None:
    limiter = Limiter(OwnLimits(Limits(100)))
    assert limiter.bound(NOW) == ""
    calls = [limiter.start(NOW, 1.0) for _ in range(4)]
    assert limiter.bound(NOW) == "what the provider takes at once"
    limiter.failed(NOW + 1, calls[0], "rate_limit", 12.0)
    assert limiter.bound(NOW + 1) == "the provider's pause, 12 s more"
    for call in calls[1:]:
        limiter.failed(NOW + 2, call, "server", None)
    for _ in range(2):
        limiter.failed(NOW + 20, limiter.start(NOW + 20, 1.0), "server", None)
    assert limiter.bound(NOW + 20) == "a provider that fails"


def test_answers_that_take_much_longer_are_a_slow_provider() -> None:
    limiter = Limiter(OwnLimits(Limits(100)))
    now = NOW
    for seconds in (1.0, 3.0, 3.0):
        calls = [limiter.start(now, 1.0) for _ in range(limiter.concurrency)]
        now += seconds
        for call in calls:
            limiter.succeeded(now, call, 1.0)
    while limiter.in_flight < limiter.concurrency:
        limiter.start(now, 1.0)
    assert limiter.bound(now) == "a slow provider"


def test_of_several_llms_those_are_named_whose_calls_wait() -> None:
    async def main() -> list[str]:
        started = asyncio.Event()

        async def call(asked: CompletionRequest) -> Completion:
            if asked.llm_id == "paused":
                raise TransientError("rate_limit", "words", status=429, retry_after=60.0)
            started.set()
            await asyncio.Event().wait()
            raise AssertionError("unreachable")

        traffic = Traffic(OwnLimits(Limits(100)), 600.0)
        router = Router(call, traffic, lambda: None)
        seen = [router.bound()]
        with pytest.raises(TransientError):
            await router.call(request("paused"))
        seen.append(router.bound())
        waiting = [asyncio.ensure_future(router.call(request(it))) for it in ("paused", "busy")]
        await started.wait()
        seen.append(router.bound())
        traffic.close(CleanStopError("enough"))
        seen.append(router.bound())
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return seen

    assert asyncio.run(main()) == [
        "",
        "",
        "the provider's pause, 60 s more (paused)",
        "a limit of the run",
    ]


def test_rows_that_are_not_read_yet_and_the_last_ones_are_told_apart(tmp_path: Path) -> None:
    async def main(store: RunStore) -> list[str]:
        lanes = Lanes(store, 2)
        seen = [lanes.bound()]
        asked, goes_on = asyncio.Event(), asyncio.Event()

        async def work(_: object) -> None:
            asked.set()
            await goes_on.wait()

        done = asyncio.ensure_future(lanes.work_through(work))
        lanes.wake(1, all_added=False)
        await asked.wait()
        seen.append(await until(lanes.bound, "reading the input"))
        lanes.wake(1, all_added=True)
        seen.append(await until(lanes.bound, "the last rows"))
        goes_on.set()
        await done
        return seen

    with RunStore(tmp_path) as store:
        store.add_rows(1, [KeyedRow(["only"], None)])
        assert asyncio.run(main(store)) == [
            "reading the input",
            "reading the input",
            "the last rows",
        ]


async def until(told: Callable[[], str], expected: str) -> str:
    """What is told, once it is as expected; the test's time limit is its end."""
    while told() != expected:  # noqa: ASYNC110  # what is told has no event
        await asyncio.sleep(0.001)
    return told()
