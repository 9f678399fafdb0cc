"""Learns how many calls a minute a provider takes, from the moments at which it asks to wait.

Limits are mostly told by the minute, so what was taken in the last one is the measure; from there it feels its way up.
"""

import math
from collections import Counter

WINDOW_SECONDS = 60
GROWTH, GROWTH_SECONDS = 1.05, 10.0


class LearntPace:
    """No limit until the first pause. Times are those of any clock that only moves forward, in seconds."""

    def __init__(self) -> None:
        self._taken = Counter[int]()
        self._first = math.inf
        self._per_second = math.inf
        self._learnt_at = -math.inf
        self._free_at = self._paused_until = -math.inf
        self._pause_helped = True

    def delay(self, now: float) -> float:
        """Seconds until a call may start."""
        return max(0.0, self._free_at - now)

    def started(self, now: float) -> None:
        self._first = min(self._first, now)
        self._taken[int(now)] += 1
        if now - self._learnt_at > GROWTH_SECONDS:
            self._per_second *= GROWTH
            self._learnt_at = now
        self._free_at = max(now, self._free_at) + 1.0 / self._per_second

    def succeeded(self, started: float) -> None:
        if started >= self._paused_until:
            self._pause_helped = True

    def paused(self, now: float, started: float, seconds: float) -> None:
        """The provider did not take a call that started then, and asked to wait so long.

        Where calls succeed after a pause, it minds calls at once rather than calls a minute: nothing is learnt.
        """
        self._taken[int(started)] -= 1
        if self._pause_helped:
            self._per_second /= GROWTH
        else:
            self._per_second = self._measured(now)
        self._learnt_at = now
        self._paused_until, self._pause_helped = now + seconds, False

    def _measured(self, now: float) -> float:
        """Calls a second that were taken in the last minute."""
        for second in [it for it in self._taken if it < now - WINDOW_SECONDS]:
            del self._taken[second]
        seconds = max(1.0, min(WINDOW_SECONDS, now - self._first))
        return max(1.0, sum(self._taken.values())) / seconds
