"""Thousands of schedules of latencies and failures: none loses a row or breaks a limit."""

import asyncio
import os
import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from simulated_run import request
from virtual_time import run

from fakes import answered, question_of
from mesh_prompt_batch.completion import Completion, CompletionRequest, Outcome
from mesh_prompt_batch.errors import (
    LimitReachedError,
    LlmError,
    RequestError,
    RunStoppedError,
    TransientError,
)
from mesh_prompt_batch.own_limits import Limits, OwnLimits
from mesh_prompt_batch.retry import RetryPolicy, complete_with_retries
from mesh_prompt_batch.router import Router
from mesh_prompt_batch.traffic import Traffic
from mesh_prompt_batch.window import run_window

SCHEDULES = 20_000 if os.environ.get("TORTURE") else 2_000


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
    # Twenty rows at most, of which a minute takes thirty.
    assert took < 600, f"seed {seed}"
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
