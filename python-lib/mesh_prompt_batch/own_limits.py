"""The recipe's own limits, which hold for all LLMs of a run together: calls at once, requests and tokens a minute."""

import math
from dataclasses import dataclass

from mesh_prompt_batch.pace import Pace


@dataclass(frozen=True, slots=True)
class Limits:
    """None: none. With `adaptive` the concurrency is found out, up to `max_concurrency`."""

    max_concurrency: int
    adaptive: bool = True
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


class OwnLimits:
    """Used by one thread. Times are those of any clock that only moves forward, in seconds."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.in_flight = 0
        self._requests = Pace(limits.requests_per_minute or math.inf)
        self._tokens = Pace(limits.tokens_per_minute or math.inf)

    def delay(self, now: float) -> float:
        """Seconds after which to ask again, 0.0 when a call may start now, infinite: when one has ended."""
        if self.in_flight >= self.limits.max_concurrency:
            return math.inf
        return max(self._requests.delay(now), self._tokens.delay(now))

    def bound(self, now: float) -> str:
        """The field that keeps more calls from starting; "" where none does."""
        if self.in_flight >= self.limits.max_concurrency:
            return "'Calls at once'"
        if self._requests.delay(now) > 0.0:
            return "'Requests a minute'"
        return "'Tokens a minute'" if self._tokens.delay(now) > 0.0 else ""

    def started(self, now: float, tokens: float) -> None:
        """`tokens` is an estimate."""
        self.in_flight += 1
        self._requests.take(now, 1)
        self._tokens.take(now, tokens)

    def ended(self, unused_tokens: float) -> None:
        """`unused_tokens`: what the estimate was too high by."""
        self.in_flight -= 1
        self._tokens.give_back(unused_tokens)
