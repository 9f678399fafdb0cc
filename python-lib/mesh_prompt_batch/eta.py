"""How long the rows that are left will take: an interval, from how fast rows went so far, and lately.

Its fast end is the faster of both rates, its slow end the slower one; each is widened by what chance does to counts
of so many rows, to 80 % for rows that end independently of each other. `duration` writes seconds as people do.
"""

import math
from collections import deque

FEWEST_ROWS = 10
LATELY = 1 / 3
# Of a normal distribution, 80 % lie within so many standard deviations.
DEVIATIONS = 1.28
MOST_CHANCE = 0.9


class Eta:
    """Told now and then how far the run is; keeps no more than the last third of that."""

    def __init__(self) -> None:
        self._told: deque[tuple[float, int]] = deque([(0.0, 0)])

    def told(self, seconds: float, rows: int) -> None:
        """So many rows are decided after so many seconds of calls."""
        self._told.append((seconds, rows))
        while len(self._told) > 2 and self._told[1][0] <= (1 - LATELY) * seconds:  # noqa: PLR2004
            self._told.popleft()

    def left(self, rows: int) -> tuple[float, float] | None:
        """Seconds, at least and at most, for so many more; None while nothing can be said."""
        seconds, done = self._told[-1]
        since, before = self._told[0]
        lately = done - before
        if not rows or lately < FEWEST_ROWS or seconds <= since:
            return None
        rates = done / seconds, lately / (seconds - since)
        chance = min(MOST_CHANCE, DEVIATIONS * math.sqrt(1 / lately + 1 / rows))
        return rows / (max(rates) * (1 + chance)), rows / (min(rates) * (1 - chance))


def duration(seconds: float) -> str:
    """Seconds as people write them: 42.0 s, 3 min 20 s, 5 h 02 min."""
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"
