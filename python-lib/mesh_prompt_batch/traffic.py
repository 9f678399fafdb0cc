"""What the gates of a run share: the recipe's own limits, the news that a call has ended, and the end of the run."""

import asyncio
import contextlib
import math
import time
from collections.abc import Callable
from decimal import Decimal

from mesh_prompt_batch.completion import CompletionRequest
from mesh_prompt_batch.errors import LimitReachedError, RunStoppedError
from mesh_prompt_batch.own_limits import OwnLimits
from mesh_prompt_batch.spend import NOTHING
from mesh_prompt_batch.spending import OverspentError, Spending
from mesh_prompt_batch.usage import Usage


class Traffic:
    """Used on one event loop. `patience`: seconds for which a provider may fail every call."""

    def __init__(
        self,
        own: OwnLimits,
        patience: float,
        closed: Callable[[], object] = lambda: None,
        now: Callable[[], float] = time.monotonic,
        spending: Spending | None = None,
    ) -> None:
        """`closed` is called once, when no call may start any more; no `spending`: no limit on it."""
        self.own = own
        self._spending = spending
        self.patience = patience
        self.now = now
        self._tell = closed
        self._changed = asyncio.Event()
        self._closed = asyncio.Event()
        self._reason: RunStoppedError | None = None
        # Gates that could start a call were it not for the own limits: in turns, or the busiest would starve the rest.
        self._line: dict[object, None] = {}

    @property
    def reason(self) -> RunStoppedError | None:
        """Why no call starts any more."""
        return self._reason

    def close(self, reason: RunStoppedError) -> None:
        """No call starts any more; those in flight go on."""
        if self._reason is None:
            self._reason = reason
            self._closed.set()
            self._changed.set()
            self._tell()

    def check(self) -> None:
        """Raises LimitReachedError once it is closed."""
        if self._reason is not None:
            raise LimitReachedError

    def changed(self) -> None:
        """Whoever waits may look again."""
        self._changed.set()

    def reservation(self, request: CompletionRequest) -> Decimal:
        """What the call may cost at most, as far as that matters. Raises RequestError where nobody can tell."""
        return NOTHING if self._spending is None else self._spending.reservation(request)

    def started(self, reservation: Decimal) -> None:
        if self._spending is not None:
            self._spending.spend.reserve(reservation)

    def ended(self, reservation: Decimal, usage: Usage) -> None:
        """A call that had `started` has ended."""
        if self._spending is not None:
            self._spending.spend.settle(reservation, usage.cost)
        self._changed.set()

    def delay_of(self, gate: object, reservation: Decimal) -> float:
        """Seconds until the own limits let a gate start a call, infinite while another one has waited for longer.

        It keeps its place in the line until `step_out`.
        """
        self._line.setdefault(gate)
        if next(iter(self._line)) is not gate:
            return math.inf
        delay = self.own.delay(self.now())
        if delay > 0.0 or self._spending is None:
            return delay
        try:
            return self._spending.delay(reservation)
        except OverspentError as error:
            self.close(error)
            raise LimitReachedError from None

    def step_out(self, gate: object) -> None:
        if gate in self._line:
            del self._line[gate]
            self._changed.set()

    async def wait(self, seconds: float) -> None:
        """Until so much time has passed or something changed."""
        self._changed.clear()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._changed.wait(), None if math.isinf(seconds) else seconds)

    async def sleep(self, seconds: float) -> None:
        """Between two calls of a row. Raises LimitReachedError once it is closed."""
        try:
            await asyncio.wait_for(self._closed.wait(), seconds)
        except asyncio.TimeoutError:
            return
        raise LimitReachedError
