"""Ctrl-C, SIGTERM and a terminal that closes: the kit ends early, wherever the signal comes, and once."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ENOUGH = 3


class GivenUp(BaseException):
    """A third signal: nothing more is waited for, nor removed."""


class Interruption:
    """A signal raises KeyboardInterrupt where it comes, the first one alone: kernel and shell may both send one.

    What is raised there may be lost: in a finalizer Python drops it, and a bare `except` of the client catches it. So
    the signal is noted as well, and `check` looks. From the third one on each raises GivenUp, whatever is going on.
    """

    def __init__(self) -> None:
        self._came = 0
        self._held = False
        self._over = False
        self._done = False

    def listen(self) -> None:
        """From the main thread. A shell's background jobs ignore Ctrl-C unless they ask for it."""
        for number in SIGNALS:
            signal.signal(number, self.note)

    def note(self, _number: int, _frame: FrameType | None) -> None:
        self._came += 1
        if self._came == 1:
            self.check()
        elif self._came >= ENOUGH and not self._done:
            raise GivenUp

    def check(self) -> None:
        """Raises KeyboardInterrupt where a signal came."""
        if self._came and not self._held and not self._over:
            raise KeyboardInterrupt

    @contextmanager
    def held(self) -> Iterator[None]:
        """Until its end a signal waits: what is made in here is noted too, or nobody would remove it."""
        before, self._held = self._held, True
        try:
            yield
        finally:
            self._held = before
        self.check()

    def end(self) -> None:
        """From now on no signal raises but a third."""
        self._over = True

    def done(self) -> None:
        """From now on none at all."""
        self._over = self._done = True
