"""Lets calls start when the limiter says so, in the order in which they came, and tells it how they ended."""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Awaitable, Callable

from mesh_prompt_batch.completion import Completion, CompletionRequest
from mesh_prompt_batch.errors import (
    LimitReachedError,
    RequestError,
    RunStoppedError,
    TransientError,
)
from mesh_prompt_batch.limiter import Limiter, Started
from mesh_prompt_batch.progress import duration
from mesh_prompt_batch.token_estimate import TokenEstimate

logger = logging.getLogger(__name__)

# Less is lost in rounding: a clock that is added to need not move.
SHORTEST_WAIT_SECONDS = 1e-6
Call = Callable[[CompletionRequest], Awaitable[Completion]]


class Gate:
    """Used on one event loop. `patience`: seconds for which a provider may fail every call."""

    def __init__(
        self,
        call: Call,
        limiter: Limiter,
        patience: float,
        closed: Callable[[], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`closed` is called once, when it is."""
        self._call = call
        self._limiter = limiter
        self._patience = patience
        self._tell = closed
        self._now = now
        self._estimate = TokenEstimate()
        self._first = asyncio.Lock()
        self._changed = asyncio.Event()
        self._closed = asyncio.Event()
        self._reason: RunStoppedError | None = None

    @property
    def reason(self) -> RunStoppedError | None:
        """Why it was closed."""
        return self._reason

    def close(self, reason: RunStoppedError) -> None:
        """No call starts any more; those in flight go on."""
        if self._reason is None:
            self._reason = reason
            self._closed.set()
            self._changed.set()
            self._tell()

    async def call(self, request: CompletionRequest) -> Completion:
        """Raises LimitReachedError once it is closed, else as the call does."""
        async with self._first:
            started = await self._started(self._estimate.of(request))
        try:
            completion = await self._call(request)
        except TransientError as error:
            self._failed(error, started)
            raise
        except RequestError:
            self._limiter.refused_row()
            raise
        except BaseException:
            self._limiter.abandoned()
            raise
        finally:
            self._changed.set()
        tokens = self._estimate.learn(request, completion.usage)
        self._limiter.succeeded(self._now(), started, tokens)
        return completion

    async def sleep(self, seconds: float) -> None:
        """Between two calls of a row. Raises LimitReachedError once the gate is closed."""
        try:
            await asyncio.wait_for(self._closed.wait(), seconds)
        except asyncio.TimeoutError:
            return
        raise LimitReachedError

    async def _started(self, tokens: float) -> Started:
        while True:
            if self._closed.is_set():
                raise LimitReachedError
            self._changed.clear()
            delay = self._limiter.delay(self._now())
            if delay <= SHORTEST_WAIT_SECONDS:
                return self._limiter.start(self._now(), tokens)
            await self._wait(delay)

    async def _wait(self, seconds: float) -> None:
        """Until so much time has passed or a call has ended."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._changed.wait(), None if math.isinf(seconds) else seconds)

    def _failed(self, error: TransientError, started: Started) -> None:
        now = self._now()
        was_open = self._limiter.breaker.is_open
        error.counts = self._limiter.failed(now, started, error.error_type, error.retry_after)
        breaker = self._limiter.breaker
        if breaker.open_seconds(now) > self._patience:
            self.close(
                RunStoppedError(
                    f"The provider has failed every call for {duration(breaker.open_seconds(now))}"
                    f" ({error}): run again when it works."
                )
            )
        elif breaker.is_open and not was_open:
            logger.warning(
                f"The provider only fails ({error}): trying it with one call now and then."
            )
