"""When calls may start: in virtual time, against a provider whose limits nobody tells."""

import asyncio
import heapq
import math
import os
import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_provider import Provider
from simulated_run import HIDDEN, PATIENT, WARM_UP, one_gate, request, seconds
from virtual_time import run

from fakes import answered, question_of
from mesh_prompt_batch import breaker
from mesh_prompt_batch.adaptive_concurrency import AdaptiveConcurrency
from mesh_prompt_batch.breaker import Breaker
from mesh_prompt_batch.completion import Completion, CompletionRequest, Outcome
from mesh_prompt_batch.errors import (
    CleanStopError,
    LimitReachedError,
    LlmError,
    RequestError,
    RunStoppedError,
    TransientError,
)
from mesh_prompt_batch.limiter import Limiter, Started
from mesh_prompt_batch.own_limits import Limits, OwnLimits
from mesh_prompt_batch.pace import Pace
from mesh_prompt_batch.retry import RetryPolicy, complete_with_retries
from mesh_prompt_batch.router import Router
from mesh_prompt_batch.token_estimate import IMAGE_TOKENS, TokenEstimate
from mesh_prompt_batch.traffic import Traffic
from mesh_prompt_batch.usage import Usage
from mesh_prompt_batch.window import run_window

TORTURE = bool(os.environ.get("TORTURE"))


@pytest.mark.simulation
@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
@pytest.mark.parametrize("seed", range(1, 11) if TORTURE else [1])
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
            adaptive.succeeded(now, latency, in_flight)
        else:
            adaptive.refused(now, now - latency, in_flight)
        assert 1 <= adaptive.limit <= most


ENDS = ("answered", "row refused", "cancelled", "429", "429 with a pause", "500", "timeout")


def end(limiter: Limiter, how: str, now: float, call: Started, pause: float) -> None:
    if how == "answered":
        limiter.succeeded(now, call, 7)
    elif how == "row refused":
        limiter.refused_row()
    elif how == "cancelled":
        limiter.abandoned()
    elif how.startswith("429"):
        limiter.failed(now, call, "rate_limit", pause if "pause" in how else None)
    else:
        limiter.failed(now, call, "timeout" if how == "timeout" else "server", None)


@given(
    st.builds(
        Limits,
        st.integers(1, 6),
        st.booleans(),
        st.sampled_from([None, 6, 600]),
        st.sampled_from([None, 60, 6000]),
    ),
    st.lists(st.tuples(st.sampled_from(ENDS), st.floats(0, 20), st.floats(0, 60)), max_size=60),
)
def test_whatever_calls_end_in_none_starts_in_a_pause_or_beyond_the_most(
    limits: Limits, story: list[tuple[str, float, float]]
) -> None:
    own = OwnLimits(limits)
    limiter, now, paused_until = Limiter(own), 0.0, 0.0
    in_flight, starts = list[Started](), list[float]()
    for how, seconds_later, pause in story:
        while (delay := max(limiter.delay(now), own.delay(now))) == 0.0:
            assert now >= paused_until
            in_flight.append(limiter.start(now, 10))
            starts.append(now)
            assert limiter.in_flight == len(in_flight) <= limits.max_concurrency
            assert limiter.in_flight <= limiter.concurrency
        # Who waits for no call waits for a moment that comes.
        assert delay > 0
        assert in_flight or not math.isinf(delay)
        now += min(delay, seconds_later) if in_flight else delay
        if in_flight:
            end(limiter, how, now, in_flight.pop(0), pause)
            if how == "429 with a pause":
                paused_until = max(paused_until, now + pause)
        assert limiter.in_flight == own.in_flight == len(in_flight)
    if limits.requests_per_minute == 6:
        assert all(sum(one <= it < one + 59.9 for it in starts) <= 7 for one in starts)


def test_tokens_are_estimated_and_learnt() -> None:
    estimate = TokenEstimate()
    assert estimate.of(request("x" * 400, max_tokens=10)) == 110
    assert estimate.of(request("x" * 400)) == 356
    for _ in range(200):
        assert estimate.learn(request("x" * 400), Usage(200, 20)) == 220
    assert math.isclose(estimate.of(request("x" * 400)), 230, rel_tol=0.01)
    assert estimate.learn(request("x"), Usage()) is None


def test_tokens_of_images_are_learnt_apart_from_those_of_text() -> None:
    def looking(images: int) -> CompletionRequest:
        parts = [{"type": "image_url", "image_url": {"url": "https://a"}}] * images
        text = {"type": "text", "text": "x" * 400}
        return CompletionRequest(
            "llm", ({"role": "user", "content": [text, *parts]},), {"max_tokens": 10}
        )

    estimate = TokenEstimate()
    assert estimate.of(looking(2)) == 100 + 2 * IMAGE_TOKENS + 10
    for _ in range(200):
        estimate.learn(looking(2), Usage(100 + 2 * 300, 10))
    assert math.isclose(estimate.of(looking(3)), 100 + 3 * 300 + 10, rel_tol=0.01)
    assert estimate.of(request("x" * 400, max_tokens=10)) == 110
    for _ in range(200):
        estimate.learn(looking(1), Usage(1, 10))
    assert estimate.of(looking(1)) >= 110


SCHEDULES = 20_000 if TORTURE else 2_000


@pytest.mark.simulation
def test_no_schedule_of_latencies_and_failures_loses_a_row_or_breaks_a_limit() -> None:
    """Each schedule is a seed: rows, limits and fates of calls are drawn from it."""
    for seed in range(SCHEDULES):
        check_schedule(seed)


class Schedule:
    """One run whose every choice is drawn from a seed."""

    def __init__(self, seed: int) -> None:
        self.drawn = drawn = random.Random(seed)
        self.rows = drawn.randint(1, 20)
        self.policy = RetryPolicy(max_retries=drawn.randint(0, 3), max_wait=900)
        self.limits = Limits(
            drawn.randint(1, 8),
            adaptive=drawn.random() < 0.5,
            requests_per_minute=drawn.choice([None, 30, 600]),
            tokens_per_minute=drawn.choice([None, 1000]),
        )
        self.llm_ids = [f"llm {n}" for n in range(drawn.randint(1, 3))]
        self.fallback = drawn.choice(["", "fallback"])
        self.gone = {it for it in (*self.llm_ids, self.fallback) if drawn.random() < 0.1}
        self.in_flight = self.most_in_flight = 0
        self.decided: dict[str, Outcome] = {}

    async def call(self, asked: CompletionRequest) -> Completion:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.drawn.choice([0, 0.01, 1, 30]) * self.drawn.random())
            if asked.llm_id in self.gone:
                raise LlmError("not_found", "", status=404)
            fate = self.drawn.choice(FATES)
            if fate is not None:
                raise fate()
            return answered(question_of(asked), asked.llm_id)
        finally:
            self.in_flight -= 1

    async def play(self) -> RunStoppedError | None:
        now = asyncio.get_running_loop().time
        self.traffic = Traffic(OwnLimits(self.limits), self.policy.max_wait, now=now)
        self.router = Router(self.call, self.traffic, lambda: self.llm_ids, self.fallback)
        left = iter(range(self.rows))

        async def take() -> str | None:
            row = next(left, None)
            return None if row is None else str(row)

        try:
            await run_window(take, self.ask, 2 * self.limits.max_concurrency)
        except RunStoppedError as error:
            return error
        return self.traffic.reason

    async def ask(self, row: str) -> None:
        asked = replace(request(row), llm_id=self.drawn.choice(self.llm_ids))
        try:
            self.decided[row] = await complete_with_retries(
                self.router.call, asked, self.policy, self.traffic.sleep, self.drawn.random
            )
        except LimitReachedError:
            assert self.traffic.reason is not None


def check_schedule(seed: int) -> None:
    schedule = Schedule(seed)
    reason, took = run(schedule.play())
    assert schedule.most_in_flight <= schedule.limits.max_concurrency, f"seed {seed}"
    assert schedule.in_flight == schedule.traffic.own.in_flight == 0, f"seed {seed}"
    assert took < 3600 * 3, f"seed {seed}"
    rows = {str(it) for it in range(schedule.rows)}
    assert reason is not None or set(schedule.decided) == rows, f"seed {seed}"
    for row, outcome in schedule.decided.items():
        assert not isinstance(outcome, Completion) or outcome.text == row, f"seed {seed}"


FATES: list[Callable[[], Exception] | None] = [
    *[None] * 6,
    lambda: TransientError("rate_limit", "", status=429),
    lambda: TransientError("rate_limit", "", status=429, retry_after=5),
    lambda: TransientError("server", "", status=500),
    lambda: TransientError("timeout", ""),
    lambda: RequestError("bad_request", ""),
]
