"""Learns how many calls a minute a provider takes, from the moments at which it takes none.

Limits are mostly told by the minute, so what was answered in the last one before that is the measure. But it may have
been down instead: so from there it feels its way up, faster the longer nothing is refused.
"""

import math
from collections import Counter

WINDOW_SECONDS = 60.0
# So few a minute need no pace: one call now and then costs nobody anything.
LEAST_PER_SECOND = 6 / 60
GROWTH_SECONDS = 10.0
FIRST_STEP, LARGEST_STEP = 0.05, 1.0


class LearntPace:
    """No limit until it is learnt. Times are those of any clock that only moves forward, in seconds."""

    def __init__(self) -> None:
        self._answered = Counter[int]()
        self._first = math.inf
        self._per_second = math.inf
        # What is added next, and what was added last: shares of the pace.
        self._next_step = self._last_step = FIRST_STEP
        self._grows_at = math.inf
        self._free_at = self._paused_until = -math.inf
        self._pause_helped, self._refused_since = True, math.inf

    def delay(self, now: float) -> float:
        """Seconds until a call may start."""
        return max(0.0, self._free_at - now)

    def started(self, now: float) -> None:
        self._first = min(self._first, now)
        if now >= self._grows_at:
            self._grow(now)
        self._free_at = max(now, self._free_at) + 1.0 / self._per_second

    def succeeded(self, now: float, started: float) -> None:
        self._answered[int(now)] += 1
        if started >= self._paused_until:
            self._pause_helped = True

    def paused(self, now: float, seconds: float) -> None:
        """It asks to wait so long, and did not before the call started.

        Where calls succeed after a pause, it minds calls at once rather than calls a minute: nothing is learnt.
        """
        self._paused_until = now + seconds
        if not self._pause_helped:
            self.exhausted(now, self._refused_since)
            return
        self._pause_helped, self._refused_since = False, now
        self._slow_down(self._per_second / (1.0 + self._last_step), now)

    def exhausted(self, now: float, since: float) -> None:
        """It has taken no call since then. Who has answered none in the minute before either tells nothing."""
        measured = self._measured(now, since)
        if measured:
            self._slow_down(min(self._per_second, measured), now)

    def _grow(self, now: float) -> None:
        self._per_second *= 1.0 + self._next_step
        self._last_step = self._next_step
        self._next_step = min(2.0 * self._next_step, LARGEST_STEP)
        self._grows_at = now + GROWTH_SECONDS

    def _slow_down(self, per_second: float, now: float) -> None:
        self._per_second = max(LEAST_PER_SECOND, per_second)
        self._next_step = self._last_step = FIRST_STEP
        self._grows_at = max(now, self._paused_until) + GROWTH_SECONDS

    def _measured(self, now: float, since: float) -> float:
        """Answers a second in the minute before `since`, with those that were on their way."""
        for second in [it for it in self._answered if it < since - WINDOW_SECONDS]:
            del self._answered[second]
        return sum(self._answered.values()) / max(1.0, min(WINDOW_SECONDS, now - self._first))
