"""The provider of every single row, in virtual time: with hidden limits, outages and throttling."""

import asyncio
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.scale.figures import Provider

sys.path.append(str(Path(__file__).resolve().parents[2] / "python-lib"))
sys.path.append(str(Path(__file__).resolve().parents[2] / "tests/python"))
import simulated_provider

from mesh_prompt_batch.completion import Completion, CompletionRequest
from mesh_prompt_batch.errors import TransientError
from mesh_prompt_batch.usage import Usage

PROMPT_TOKENS = 120
REFUSAL_SECONDS = 0.05
UNLIMITED = 10**9


class TroubledProvider(simulated_provider.Provider):
    """One with outages, which end the calls in flight too, and answers that use more tokens or less."""

    def __init__(self, told: Provider, tokens_a_row: float, seed: int) -> None:
        super().__init__(
            told.latency,
            told.bears or UNLIMITED,
            told.a_minute or UNLIMITED,
            tells=told.tells,
            spread=told.spread,
            seed=seed,
        )
        self.failed = 0
        self._told = told
        self._answer_tokens = tokens_a_row - PROMPT_TOKENS
        self._drawn = random.Random(f"tokens {seed}")

    @property
    def paid(self) -> int:
        """Calls that were answered, or would have been."""
        return len(self.moments) - len(self.refusals) - self.failed

    def between(self, begin: float, end: float) -> "Begun":
        """Calls that began then."""
        begun, refused = (
            sum(begin <= it < end for it in moments) for moments in (self.moments, self.refusals)
        )
        return Begun(begun - refused, refused)

    async def call(self, request: CompletionRequest) -> Completion:
        now = asyncio.get_running_loop().time()
        if self._told.is_out(now):
            self.moments.append(now)
            await asyncio.sleep(REFUSAL_SECONDS)
            raise self._down()
        self.a_minute = int(min(self._told.takes_a_minute(now), UNLIMITED))
        begins = min((it for it, _ in self._told.outages if it > now), default=None)
        if begins is None:
            return await self._answered(request)
        try:
            return await asyncio.wait_for(self._answered(request), begins - now)
        except asyncio.TimeoutError:
            raise self._down() from None

    async def _answered(self, request: CompletionRequest) -> Completion:
        completion = await super().call(request)
        tokens = self._answer_tokens * self._drawn.uniform(0.5, 1.5)
        return replace(completion, usage=Usage(PROMPT_TOKENS, round(tokens)))

    def _down(self) -> TransientError:
        self.failed += 1
        return TransientError("server", "", status=503)


@dataclass(frozen=True, slots=True)
class Begun:
    """Calls that the provider took, and those that it refused."""

    taken: int
    refused: int


def most_in_a_minute(moments: Sequence[float]) -> int:
    """Of any 60 seconds; `moments` in order."""
    most = first = 0
    for last, moment in enumerate(moments):
        while moments[first] <= moment - 60:
            first += 1
        most = max(most, last + 1 - first)
    return most
