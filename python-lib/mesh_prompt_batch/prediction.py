"""What all rows will use, as an interval, from what some of them used: P10, P50 and P90 of a total.

Answers' lengths and latencies are skewed: few are long. An interval that takes them for normal is too low, so its
quantiles are corrected for the skewness of what was seen (P. Hall, "On the removal of skewness by transformation",
1992). What depends on the size of a request is told from the sizes of many, of which few were asked.
"""

import heapq
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, pstdev

HIGH = 0.9
QUANTILES = (0.1, 0.5, HIGH)
# Fewer tell too little of how long the longest are.
CALIBRATED_FROM = 30
LEAST = 5
# A sample shows less skewness than there is, the less the smaller it is: found by simulation.
_HIDDEN_SKEWNESS = 8.0
_DUST = 1e-9
_ENDINGS = 24
_ROUNDS = 6
# Above it, values are of two kinds and the long ones are as long as they get: what was seen is all there is.
_TWO_KINDS = 0.85


@dataclass(frozen=True, slots=True)
class Interval:
    """Of a total: the truth is below `low`, and above `high`, one time in ten."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True)
class Seen:
    """What one row used, of anything, and the size of its request in any unit."""

    size: float
    used: float


def total_of(seen: Sequence[Seen], sizes: Sequence[float], rows: int) -> Interval:
    """Of all `rows`, of which `sizes` are a sample and `seen` a sample of that, at least LEAST of them."""
    asked = fmean(it.size for it in seen)
    used = fmean(it.used for it in seen)
    spread = sum((it.size - asked) ** 2 for it in seen)
    slope = sum((it.size - asked) * (it.used - used) for it in seen) / spread if spread else 0.0
    left = _without_dust([it.used - used - slope * (it.size - asked) for it in seen], used)
    degrees = len(seen) - (2 if spread else 1)
    further = fmean(sizes) - asked
    mean = used + slope * further
    unseen = max(0.0, 1.0 - len(seen) / rows)
    # Long requests may vary more than short ones: each row's own deviation counts, by how much it moves the mean.
    error = unseen * sum(
        (deviation * _weight(it.size - asked, further, spread, len(seen))) ** 2
        for it, deviation in zip(seen, left, strict=True)
    )
    error += (slope * pstdev(sizes)) ** 2 / len(sizes) * max(0.0, 1.0 - len(sizes) / rows)
    shape = _skewness(left)
    low, middle, high = (
        max(0.0, rows * (mean + math.sqrt(error) * _quantile(it, degrees, shape, len(seen))))
        for it in QUANTILES
    )
    return Interval(low, middle, high)


def _without_dust(values: Sequence[float], scale: float) -> list[float]:
    """What rounding left of nothing has no shape to be told of."""
    return [it if abs(it) > _DUST * scale else 0.0 for it in values]


def _weight(off: float, further: float, spread: float, count: int) -> float:
    """Of a row in the mean at another size than that of the rows asked; larger where the row drew the line to it."""
    tilt = off / spread if spread else 0.0
    return (1.0 / count + further * tilt) / (1.0 - min(0.9, 1.0 / count + off * tilt))


def time_of(work: Interval, seconds: Sequence[float], at_once: int, rows: int) -> Interval:
    """How long `rows` calls take at so many at once: `work` is their time together, `seconds` that of some."""
    slots = max(1, min(at_once, rows))
    endings = _endings(seconds, slots, rows)
    middle = work.middle / slots + fmean(endings)
    # The endings vary, and so does what so few calls tell of them.
    loose = math.sqrt(2.0) * NormalDist().inv_cdf(HIGH) * pstdev(endings)
    share = middle / work.middle if work.middle else 0.0
    below = math.hypot((work.middle - work.low) * share, loose)
    above = math.hypot((work.high - work.middle) * share, loose)
    return Interval(max(0.0, middle - below), middle, middle + above)


def _endings(seconds: Sequence[float], slots: int, rows: int) -> list[float]:
    """How much longer than the work divided by the slots: at the end some have nothing left to do."""
    chance = random.Random(0)
    found = []
    for _ in range(_ENDINGS):
        calls = chance.choices(seconds, k=min(rows, _ROUNDS * slots))
        free = [0.0] * slots
        for it in calls:
            heapq.heapreplace(free, free[0] + it)
        found.append(max(free) - sum(calls) / slots)
    return found


def _skewness(values: Sequence[float]) -> tuple[float, bool]:
    """Of the values, as it may be where so few of them were seen, and whether they are of two kinds."""
    count = len(values)
    deviation = math.sqrt(sum(it * it for it in values) / count)
    if not deviation:
        return 0.0, False
    scaled = [it / deviation for it in values]
    third, fourth = (sum(it**power for it in scaled) / count for power in (3, 4))
    if third * third + 1.0 > _TWO_KINDS * fourth:
        return third, True
    return third * (1.0 + _HIDDEN_SKEWNESS / count), False


def _quantile(share: float, degrees: int, shape: tuple[float, bool], count: int) -> float:
    """Of the mean's error in units of its standard error: Student's where there is no skewness."""
    plain = _students(share, degrees)
    skewness, bounded = shape
    bend = skewness / math.sqrt(count)
    if bounded or abs(bend) < 1e-9:  # noqa: PLR2004  # below it the division loses more digits than the correction has
        return plain + bend / 6.0 * (1.0 + 2.0 * plain * plain)
    inner = 1.0 - bend * (plain + bend / 6.0)
    return -3.0 / bend * (math.copysign(abs(inner) ** (1.0 / 3.0), inner) - 1.0)


def _students(share: float, degrees: int) -> float:
    """Quantile of Student's t by its expansion around the normal: to a hundredth from four degrees on."""
    z = NormalDist().inv_cdf(share)
    first = (z**3 + z) / 4.0
    second = (5.0 * z**5 + 16.0 * z**3 + 3.0 * z) / 96.0
    third = (3.0 * z**7 + 19.0 * z**5 + 17.0 * z**3 - 15.0 * z) / 384.0
    return z + first / degrees + second / degrees**2 + third / degrees**3
