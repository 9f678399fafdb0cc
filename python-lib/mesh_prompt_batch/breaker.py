"""Stops asking a provider that only fails, tries it with one call now and then, and gives up in the end."""

import math
from dataclasses import dataclass

FAILURES_TO_OPEN = 5
FIRST_WAIT_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 60.0


@dataclass(slots=True)
class Breaker:
    """Open after so many failures in a row, of whichever rows; closed by the first success.

    Times are those of any clock that only moves forward, in seconds.
    """

    openings: int = 0
    _failures: int = 0
    _opened: float = math.inf
    _wait: float = FIRST_WAIT_SECONDS
    _probe_at: float = -math.inf
    _probing: bool = False

    @property
    def is_open(self) -> bool:
        return not math.isinf(self._opened)

    def open_seconds(self, now: float) -> float:
        return now - self._opened if self.is_open else 0.0

    def delay(self, now: float) -> float:
        """Seconds until a call may start; infinite while a probe is on its way."""
        if not self.is_open:
            return 0.0
        return math.inf if self._probing else max(0.0, self._probe_at - now)

    def started(self) -> None:
        self._probing = self.is_open

    def succeeded(self) -> None:
        self._failures, self._opened, self._probing = 0, math.inf, False
        self._wait = FIRST_WAIT_SECONDS

    def abandoned(self) -> None:
        """A call ended in a way that says nothing about the provider."""
        self._probing = False

    def failed(self, now: float, *, was_probe: bool) -> None:
        self._failures += 1
        if self._failures < FAILURES_TO_OPEN:
            return
        if not self.is_open:
            self._opened = now
            self.openings += 1
        elif not was_probe:
            # One of those that were in flight when it opened.
            return
        else:
            self._wait = min(2.0 * self._wait, LONGEST_WAIT_SECONDS)
        self._probing = False
        self._probe_at = now + self._wait
