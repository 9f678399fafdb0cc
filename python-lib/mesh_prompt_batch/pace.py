"""At most so much a minute, evenly spread."""

import math


class Pace:
    """Each amount takes its share of the minute, and the next one waits for it.

    So in any 60 seconds starts at most `per_minute`, and what was started last; an amount above the limit goes alone.
    What turns out to be less comes back late, when the next one has waited for too long already: it makes up for that,
    by no more than was given back last. Time is any clock that only moves forward, in seconds.
    """

    def __init__(self, per_minute: float = math.inf) -> None:
        self._seconds_each = 60.0 / per_minute
        self._free_at = -math.inf
        self._given_back = 0.0

    def delay(self, now: float) -> float:
        """Seconds until something may start."""
        return max(0.0, self._free_at - now)

    def change(self, now: float, per_minute: float) -> None:
        """From now on at most so much; what was started still waits for its share of the minute."""
        owed = self.delay(now) / self._seconds_each if self._seconds_each else 0.0
        self._seconds_each = 60.0 / per_minute
        self._free_at = now + owed * self._seconds_each

    def take(self, now: float, amount: float) -> None:
        earliest = now - self._given_back * self._seconds_each
        self._free_at = max(earliest, self._free_at) + amount * self._seconds_each

    def give_back(self, amount: float) -> None:
        """It was less than `take` was told; a negative amount: more."""
        self._free_at -= amount * self._seconds_each
        self._given_back = max(0.0, amount)
