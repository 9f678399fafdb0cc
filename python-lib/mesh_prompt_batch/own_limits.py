"""The recipe's own limits, which hold for all LLMs of a run together: calls at once, requests and tokens a minute."""

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

from mesh_prompt_batch.pace import Pace

# A share that other runs give back is used so soon.
LOOK_SECONDS = 0.5
# In place of none: what was started before keeps its debt.
SMALLEST_SHARE = 1e-9
Share = Callable[[float], float]


def the_whole(_now: float) -> float:
    return 1.0


UNSHARED = nullcontext(the_whole)


@dataclass(frozen=True, slots=True)
class Limits:
    """None: none. With `adaptive` the concurrency is found out, up to `max_concurrency`."""

    max_concurrency: int
    adaptive: bool = True
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None

    @property
    def are_a_minute(self) -> bool:
        """Whether there is one that runs of several partitions have to share."""
        return self.requests_per_minute is not None or self.tokens_per_minute is not None


class OwnLimits:
    """Used by one thread. Times are those of any clock that only moves forward, in seconds."""

    def __init__(self, limits: Limits, share: Share = the_whole) -> None:
        """`share`: the part of the limits a minute that is this run's, at a moment; calls at once are its own."""
        self.limits = limits
        self.in_flight = 0
        self._share, self._used_share = share, 1.0
        self._requests = Pace(limits.requests_per_minute or math.inf)
        self._tokens = Pace(limits.tokens_per_minute or math.inf)

    def delay(self, now: float) -> float:
        """Seconds after which to ask again, 0.0 when a call may start now, infinite: when one has ended."""
        if self.in_flight >= self.limits.max_concurrency:
            return math.inf
        self._follow_share(now)
        delay = self._pace_delay(now)
        return delay if self._share is the_whole else min(delay, LOOK_SECONDS)

    def bound(self, now: float) -> str:
        """The field that keeps more calls from starting; "" where none does."""
        if self.in_flight >= self.limits.max_concurrency:
            return "'Calls at once'"
        if not self._used_share:
            return "the share of the limits, which partitions settle among them"
        if self._requests.delay(now) > 0.0:
            return "'Requests a minute'"
        return "'Tokens a minute'" if self._tokens.delay(now) > 0.0 else ""

    def _pace_delay(self, now: float) -> float:
        if not self._used_share:
            return math.inf
        return max(self._requests.delay(now), self._tokens.delay(now))

    def _follow_share(self, now: float) -> None:
        share = self._share(now)
        if share == self._used_share:
            return
        self._used_share = share
        for pace, limit in (
            (self._requests, self.limits.requests_per_minute),
            (self._tokens, self.limits.tokens_per_minute),
        ):
            if limit is not None:
                pace.change(now, limit * max(share, SMALLEST_SHARE))

    def started(self, now: float, tokens: float) -> None:
        """`tokens` is an estimate."""
        self.in_flight += 1
        self._requests.take(now, 1)
        self._tokens.take(now, tokens)

    def ended(self, unused_tokens: float) -> None:
        """`unused_tokens`: what the estimate was too high by."""
        self.in_flight -= 1
        self._tokens.give_back(unused_tokens)
