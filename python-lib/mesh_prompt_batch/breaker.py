"""Stops asking a provider that only fails or refuses every call, and tries it with one call now and then."""

import math
from dataclasses import dataclass

FAILURES_TO_OPEN = 5
FIRST_WAIT_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 60.0
# Limits pass sooner than outages, and a refused call costs nobody much: asked more often. But many calls that start
# together are refused together, though the next one may be taken.
LONGEST_WAIT_AFTER_REFUSAL = 15.0
REFUSED_SECONDS_TO_OPEN = 2.0


@dataclass(slots=True)
class Breaker:
    """Open after so many failures in a row, of whichever rows, or refusals for so long; closed by the first success.

    Times are those of any clock that only moves forward, in seconds.
    """

    openings: int = 0
    is_open: bool = False
    # When the first of these failures came, and whether the last was a refusal because of the provider's limits.
    since: float = math.inf
    refuses: bool = False
    _failures: int = 0
    _refusals: int = 0
    _wait: float = FIRST_WAIT_SECONDS
    _probe_at: float = -math.inf
    _probing: bool = False

    def delay(self, now: float) -> float:
        """Seconds until a call may start; infinite while a probe is on its way."""
        if not self.is_open:
            return 0.0
        return math.inf if self._probing else max(0.0, self._probe_at - now)

    def started(self) -> None:
        self._probing = self.is_open

    def succeeded(self) -> None:
        self._failures = self._refusals = 0
        self.since, self.is_open, self._probing = math.inf, False, False
        self._wait = FIRST_WAIT_SECONDS

    def abandoned(self) -> None:
        """A call ended in a way that says nothing about the provider."""
        self._probing = False

    def failed(self, now: float, *, was_probe: bool, refused: bool = False) -> None:
        """`refused`: because of the provider's limits."""
        self._failures += not refused
        self._refusals += refused
        self.since = min(self.since, now)
        self.refuses = refused
        if not self.is_open:
            if not self._opens(now):
                return
            self.is_open = True
            self.openings += 1
        elif not was_probe:
            # One of those that were in flight when it opened.
            return
        else:
            longest = LONGEST_WAIT_AFTER_REFUSAL if refused else LONGEST_WAIT_SECONDS
            self._wait = min(2.0 * self._wait, longest)
        self._probing = False
        self._probe_at = now + self._wait

    def _opens(self, now: float) -> bool:
        long_enough = now - self.since >= REFUSED_SECONDS_TO_OPEN
        return self._failures >= FAILURES_TO_OPEN or (
            self._refusals >= FAILURES_TO_OPEN and long_enough
        )
