"""What the gates of a run share: the recipe's own limits, the news that a call has ended, and the end of the run."""

import asyncio
import contextlib
import math
import time
from collections.abc import Callable

from mesh_prompt_batch.errors import LimitReachedError, RunStoppedError
from mesh_prompt_batch.own_limits import OwnLimits


class Traffic:
    """Used on one event loop. `patience`: seconds for which a provider may fail every call."""

    def __init__(
        self,
        own: OwnLimits,
        patience: float,
        closed: Callable[[], object] = lambda: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`closed` is called once, when no call may start any more."""
        self.own = own
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
        """A call has ended: whoever waits may look again."""
        self._changed.set()

    def delay_of(self, gate: object) -> float:
        """Seconds until the own limits let a gate start a call, infinite while another one has waited for longer.

        It keeps its place in the line until `step_out`.
        """
        self._line.setdefault(gate)
        if next(iter(self._line)) is not gate:
            return math.inf
        return self.own.delay(self.now())

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
