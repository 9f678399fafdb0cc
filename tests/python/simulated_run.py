"""Rows asked of a simulated provider, in virtual time."""

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from simulated_provider import Provider
from virtual_time import run

from mesh_prompt_batch.completion import Call, CompletionRequest, Outcome
from mesh_prompt_batch.errors import RunStoppedError
from mesh_prompt_batch.gate import Gate
from mesh_prompt_batch.limiter import Limiter
from mesh_prompt_batch.own_limits import Limits, OwnLimits
from mesh_prompt_batch.retry import RetryPolicy, complete_with_retries
from mesh_prompt_batch.traffic import Traffic
from mesh_prompt_batch.window import run_window

PATIENT = RetryPolicy(max_retries=1000, max_wait=3600)
WARM_UP = 30.0
# Providers whose limits nobody tells.
HIDDEN: Mapping[str, Mapping[str, Any]] = {
    "bears 1": {"bears": 1},
    "bears 3": {"bears": 3},
    "bears 12": {"bears": 12},
    "bears 40": {"bears": 40},
    "bears 40, tells": {"bears": 40, "tells": 1.0},
    "bears all": {},
    "slow, bears 40": {"bears": 40, "latency": 8.0},
    "queues behind 20": {"bears": 20, "queues": True},
    "600 a minute": {"a_minute": 600, "tells": 2.0},
    "refuses 1 % at random": {"refuses": 0.01},
    "refuses 1 %, slow": {"refuses": 0.01, "latency": 4.0},
    "down for 2 minutes, tells": {"down": (60.0, 180.0), "tells": 10.0},
    "down for 2 minutes": {"down": (60.0, 180.0)},
}


def request(text: str = "q", **parameters: object) -> CompletionRequest:
    return CompletionRequest("llm", ({"role": "user", "content": text},), parameters)


def seconds(
    provider: Provider, rows: int, limits: Limits, policy: RetryPolicy = PATIENT
) -> tuple[list[Outcome], float]:
    """Outcomes of `rows` rows, and the time they took."""

    async def main() -> list[Outcome]:
        loop, jitter = asyncio.get_running_loop(), random.Random(provider.seed).random
        gate = one_gate(provider.call, limits, policy.max_wait, now=loop.time)
        left, outcomes = iter(range(rows)), list[Outcome]()

        async def take() -> int | None:
            return next(left, None)

        async def work(row: int) -> None:
            outcomes.append(
                await complete_with_retries(
                    gate.call, request(str(row)), policy, gate.sleep, jitter
                )
            )

        await run_window(take, work, limits.max_concurrency)
        return outcomes

    return run(main())


class OneGate(Gate):
    """A gate with a traffic of its own."""

    traffic: Traffic

    @property
    def reason(self) -> RunStoppedError | None:
        return self.traffic.reason

    def close(self, reason: RunStoppedError) -> None:
        self.traffic.close(reason)

    async def sleep(self, seconds: float) -> None:
        await self.traffic.sleep(seconds)


def one_gate(
    call: Call,
    limits: Limits,
    patience: float = 600,
    closed: Callable[[], object] = lambda: None,
    now: Callable[[], float] = time.monotonic,
) -> OneGate:
    own = OwnLimits(limits)
    traffic = Traffic(own, patience, closed, now)
    gate = OneGate(call, Limiter(own), traffic)
    gate.traffic = traffic
    return gate
