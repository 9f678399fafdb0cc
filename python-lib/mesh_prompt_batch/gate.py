"""Lets calls to one LLM start when its limiter says so, in the order in which they came; tells it how they ended."""

import asyncio
import logging
from collections.abc import Callable
from decimal import Decimal

from mesh_prompt_batch.completion import Call, Completion, CompletionRequest
from mesh_prompt_batch.errors import CallError, LlmDownError, RequestError, TransientError
from mesh_prompt_batch.limiter import Limiter, Started
from mesh_prompt_batch.token_estimate import TokenEstimate
from mesh_prompt_batch.traffic import Traffic
from mesh_prompt_batch.usage import NOTHING_REPORTED

logger = logging.getLogger(__name__)

# Less is lost in rounding: a clock that is added to need not move.
SHORTEST_WAIT_SECONDS = 1e-6
# Refusals for so long may be a limit a minute, for which nobody goes to another LLM.
MINUTE = 60.0


class WentElsewhereError(Exception):
    """The call did not start: another LLM is to be asked."""


class Gate:
    """Used on one event loop."""

    def __init__(
        self,
        call: Call,
        limiter: Limiter,
        traffic: Traffic,
        elsewhere: Callable[[], bool] = lambda: False,
    ) -> None:
        """`elsewhere`: whether calls that wait had better go to another LLM."""
        self._call = call
        self.limiter = limiter
        self._traffic = traffic
        self._elsewhere = elsewhere
        # Where tokens are not limited nobody asks how many a call will use.
        limited = limiter.own.limits.tokens_per_minute is not None
        self._estimate = TokenEstimate() if limited else None
        self._first = asyncio.Lock()
        # The messages of the only row that is refused of late; None where others are, too.
        self._refused_alone: object = None

    @property
    def is_blocked(self) -> bool:
        """Whether the provider only fails, or has refused all for a minute, and it is not yet time to try it again."""
        now, breaker = self._traffic.now(), self.limiter.breaker
        if breaker.refuses and now - breaker.since <= MINUTE:
            return False
        return breaker.delay(now) > 0

    def bound(self) -> str:
        """What keeps calls waiting; "" where none waits or the LLM does not."""
        return self.limiter.bound(self._traffic.now()) if self._first.locked() else ""

    async def call(self, request: CompletionRequest) -> Completion:
        """As the call does, or raises LimitReachedError, WentElsewhereError, or LlmDownError when patience ends.

        RequestError then, where no other row is refused.
        """
        reservation = self._traffic.reservation(request)
        async with self._first:
            tokens = 0.0 if self._estimate is None else self._estimate.of(request)
            started = await self._started(tokens, reservation)
        usage = NOTHING_REPORTED
        try:
            completion = await self._call(request)
            usage = completion.usage
        except CallError as error:
            usage = error.usage
            self._failed(error, started, request)
            raise
        except BaseException:
            self.limiter.abandoned()
            raise
        finally:
            self._traffic.ended(reservation, usage)
        used = None if self._estimate is None else self._estimate.learn(request, usage)
        self.limiter.succeeded(self._traffic.now(), started, used)
        return completion

    async def _started(self, tokens: float, reservation: Decimal) -> Started:
        try:
            while (delay := self._delay(reservation)) > SHORTEST_WAIT_SECONDS:
                await self._traffic.wait(delay)
            self._traffic.started(reservation)
            return self.limiter.start(self._traffic.now(), tokens)
        finally:
            self._traffic.step_out(self)

    def _delay(self, reservation: Decimal) -> float:
        self._traffic.check()
        if self._elsewhere():
            raise WentElsewhereError
        delay = self.limiter.delay(self._traffic.now())
        if delay > SHORTEST_WAIT_SECONDS:
            self._traffic.step_out(self)
            return delay
        return self._traffic.delay_of(self, reservation)

    def _failed(self, error: CallError, started: Started, request: CompletionRequest) -> None:
        if isinstance(error, TransientError):
            self._failed_for_now(error, started, request)
        elif isinstance(error, RequestError):
            self.limiter.refused_row()
        else:
            self.limiter.abandoned()

    def _failed_for_now(
        self, error: TransientError, started: Started, request: CompletionRequest
    ) -> None:
        now, limiter = self._traffic.now(), self.limiter
        was_open = limiter.breaker.is_open
        counts = limiter.failed(now, started, error.error_type, error.retry_after)
        if error.error_type == "rate_limit":
            alone = self._is_refused_alone(request, first=counts)
            # Of one call at a time nobody can tell whether others would be refused.
            error.counts = counts or (alone and limiter.own.limits.max_concurrency > 1)
        seconds = now - limiter.breaker.since
        # Who has not been answered yet may be.
        if was_open and seconds > self._traffic.patience and not limiter.in_flight:
            raise self._down(error, seconds, request) from None
        if limiter.breaker.is_open and not was_open:
            does = "refuses every call" if limiter.breaker.refuses else "only fails"
            logger.warning(f"The provider {does} ({error}): trying it with one call now and then.")

    def _is_refused_alone(self, request: CompletionRequest, *, first: bool) -> bool:
        """Whether no other row is refused: then it may be this row's own fault."""
        if first:
            self._refused_alone = request.messages
        elif request.messages is not self._refused_alone:
            self._refused_alone = None
        return self._refused_alone is not None

    def _down(self, error: CallError, seconds: float, request: CompletionRequest) -> CallError:
        if error.error_type == "rate_limit" and request.messages is self._refused_alone:
            return RequestError(error.error_type, error.provider_words, status=error.status)
        return LlmDownError(error, seconds)
