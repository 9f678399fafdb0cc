"""When a call to an LLM may start: one place for its concurrency, own limits, the provider's pauses and the breaker.

Knows no clock and no tasks: time is an argument, so that every schedule can be tried. The model is described in
CONTRIBUTING.md, "The engine".
"""

import math
from dataclasses import dataclass

from mesh_prompt_batch.adaptive_concurrency import AdaptiveConcurrency
from mesh_prompt_batch.breaker import Breaker
from mesh_prompt_batch.errors import ErrorType
from mesh_prompt_batch.learnt_pace import LearntPace
from mesh_prompt_batch.own_limits import OwnLimits


@dataclass(frozen=True, slots=True)
class Started:
    """A call on its way: when it started, what it reserved, and how many were in flight with it."""

    at: float
    tokens: float
    in_flight: int
    probe: bool


class Limiter:
    """Used by one thread. Times are those of any clock that only moves forward, in seconds."""

    def __init__(self, own: OwnLimits) -> None:
        """`own` may be shared by the limiters of several LLMs."""
        self.own = own
        self.in_flight = 0
        self.breaker = Breaker()
        self._adaptive = AdaptiveConcurrency(own.limits.max_concurrency)
        self._learnt = LearntPace()
        self._paused_until = self._paused_at = -math.inf
        # When the first call started that was refused since the last one that was answered.
        self._refused_since = math.inf
        self.pauses = 0

    @property
    def concurrency(self) -> int:
        limits = self.own.limits
        return int(self._adaptive.limit) if limits.adaptive else limits.max_concurrency

    @property
    def retreats(self) -> int:
        """How often it went back to fewer calls at once."""
        return self._adaptive.retreats

    def delay(self, now: float) -> float:
        """Seconds after which to ask again, 0.0 when the LLM may be called now, infinite: when a call has ended.

        The recipe's own limits, which several LLMs share, come on top.
        """
        if self.in_flight >= self.concurrency:
            return math.inf
        return max(
            0.0,
            self._paused_until - now,
            self.breaker.delay(now),
            self._learnt.delay(now) if self.own.limits.adaptive else 0.0,
        )

    def bound(self, now: float) -> str:
        """What the LLM keeps more calls from starting by; "" where it does not."""
        if self._paused_until > now:
            return f"the provider's pause, {self._paused_until - now:.0f} s more"
        if self.breaker.is_open:
            return "a provider that fails"
        if self.in_flight >= self.concurrency:
            return "a slow provider" if self._adaptive.slow else "what the provider takes at once"
        learnt = self.own.limits.adaptive and self._learnt.delay(now) > 0.0
        return "the provider's limit a minute" if learnt else ""

    def start(self, now: float, tokens: float) -> Started:
        """To be called when `delay` is 0.0; `tokens` is an estimate."""
        self.in_flight += 1
        self.own.started(now, tokens)
        self._learnt.started(now)
        probe = self.breaker.is_open
        self.breaker.started()
        return Started(now, tokens, self.in_flight, probe)

    def succeeded(self, now: float, call: Started, tokens: float | None) -> None:
        """`tokens`: what it used; None where that is unknown."""
        self.breaker.succeeded()
        if call.at > self._refused_since:
            self._refused_since = math.inf
        self._adaptive.succeeded(now, now - call.at, self.in_flight, call.in_flight)
        self._learnt.succeeded(now, call.at)
        self._ended(0.0 if tokens is None else call.tokens - tokens)

    def failed(
        self, now: float, call: Started, error_type: ErrorType, retry_after: float | None
    ) -> bool:
        """A failure that may pass. Gives whether it counts: of refusals the first, until a later call is answered."""
        refused = error_type == "rate_limit"
        counts = not (refused and self._is_old_news(call))
        if refused:
            self._refused_since = min(self._refused_since, call.at)
        if retry_after is not None:
            self._adaptive.paused(now, call.at, call.in_flight)
        elif error_type in ("rate_limit", "timeout"):
            self._adaptive.refused(now, call.at, call.in_flight)
        self.breaker.failed(now, was_probe=call.probe, refused=refused)
        if retry_after is not None:
            self._pause(now, call, retry_after)
        elif refused and self.breaker.is_open:
            self._learnt.exhausted(now, self.breaker.since)
        self._ended(call.tokens if refused else 0.0)
        return counts

    def _is_old_news(self, call: Started) -> bool:
        """Whether its refusal tells nothing new: others were refused, and no call that started later was answered."""
        return call.probe or call.at <= self._paused_at or not math.isinf(self._refused_since)

    def _pause(self, now: float, call: Started, seconds: float) -> None:
        self._paused_until = max(self._paused_until, now + seconds)
        if call.at > self._paused_at:
            self.pauses += 1
            self._paused_at = now
            self._learnt.paused(now, seconds)

    def refused_row(self) -> None:
        """It was refused for what it asks: a provider that reads its requests is alive."""
        self.breaker.succeeded()
        self._refused_since = math.inf
        self._ended(0.0)

    def abandoned(self) -> None:
        """It was cancelled, or is an error of ours."""
        self.breaker.abandoned()
        self._ended(0.0)

    def _ended(self, unused_tokens: float) -> None:
        self.in_flight -= 1
        self.own.ended(unused_tokens)
