"""How long calls took, in bins that grow by a twentieth: a fixed size, and quantiles that are 2.5 % off at most."""

import math
from typing import NamedTuple

LOWEST_SECONDS = 0.001
GROWTH = 1.05
# Up to 75 hours.
BINS = 400
# What quantiles are off by at most: a value lies within half a bin of its bin's middle.
MOST_ERROR = math.sqrt(GROWTH) - 1.0
_LOG_GROWTH = math.log(GROWTH)


class Bar(NamedTuple):
    """So many calls took from `low` to `high` seconds."""

    low: float
    high: float
    calls: int


class LatencyHistogram:
    """Answers below a millisecond are one bin."""

    def __init__(self) -> None:
        self.count = 0
        self.shortest, self.longest = math.inf, 0.0
        self._bins = [0] * BINS

    def add(self, seconds: float) -> None:
        self.count += 1
        self.shortest = min(self.shortest, seconds)
        self.longest = max(self.longest, seconds)
        self._bins[_bin_of(seconds)] += 1

    def quantile(self, share: float) -> float | None:
        """The least time that holds for this share of the calls; None where there was none."""
        left = math.ceil(share * self.count)
        for place, count in enumerate(self._bins):
            left -= count
            if count and left <= 0:
                middle = LOWEST_SECONDS * math.pow(GROWTH, place - 0.5)
                return min(max(middle, self.shortest), self.longest)
        return None

    def bars(self, most: int) -> list[Bar]:
        """At most so many, of equal ratio, from the shortest call to the longest."""
        used = [place for place, count in enumerate(self._bins) if count]
        if not used:
            return []
        first, last = used[0], used[-1]
        width = -(-(last - first + 1) // most)
        return [
            Bar(_low(at), _low(at + width), sum(self._bins[at : at + width]))
            for at in range(first, last + 1, width)
        ]


def _bin_of(seconds: float) -> int:
    if seconds <= LOWEST_SECONDS:
        return 0
    return min(BINS - 1, 1 + int(math.log(seconds / LOWEST_SECONDS) / _LOG_GROWTH))


def _low(place: int) -> float:
    return LOWEST_SECONDS * math.pow(GROWTH, place - 1) if place else 0.0
