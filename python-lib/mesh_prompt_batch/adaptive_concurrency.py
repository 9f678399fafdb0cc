"""Finds out how many calls at once an LLM bears: grows fast, remembers where it was refused, and asks again later.

Growth and retreat follow TCP's slow start and CUBIC (RFC 9438): below the last refusal quickly, at it with patience.
A provider that slows down instead of refusing, as the Mesh does when it throttles, is seen by its latency.
"""

import math
from dataclasses import dataclass, field

START = 4
GROWTH_BELOW_CEILING = 0.1
FIRST_PROBE_SECONDS = 2.0
LONGEST_PROBE_SECONDS = 60.0
# Of the mean latency of a round over the lowest one seen.
NO_GROWTH_RATIO, RETREAT_RATIO, RETREAT = 2.0, 4.0, 0.8
SLIGHT_RETREAT = 0.9
BASE_DRIFT = 1.01
# Of the last hundred calls or so: a provider that is shared refuses so many whatever one of its clients does.
STRAY_SHARE, SHARE_WEIGHT = 0.05, 0.01


@dataclass(slots=True)
class AdaptiveConcurrency:
    """`limit` is at least 1 and at most `most`, `slow` where answers take much longer than they did.

    Times are those of any clock that only moves forward, in seconds.
    """

    most: int
    limit: float = field(init=False)
    _ceiling: float = math.inf
    _step: float = 1.0
    _probe_seconds: float = FIRST_PROBE_SECONDS
    _probe_at: float = -math.inf
    _last_retreat: float = -math.inf
    _round: list[float] = field(default_factory=list)
    _base: float = math.inf
    slow: bool = False
    retreats: int = 0
    # Since the last retreat: without one, a further refusal tells nothing new.
    _succeeded: bool = True
    # The most calls in flight with one that was answered, and the share that was refused of late.
    _proven: int = 0
    _refused_share: float = 0.0

    def __post_init__(self) -> None:
        self.limit = float(min(START, self.most))

    def succeeded(self, now: float, latency: float, in_flight: int, at_start: int) -> None:
        """`in_flight` and `at_start`: calls when it ended and when it started, with itself."""
        self._succeeded = True
        self._refused_share -= SHARE_WEIGHT * self._refused_share
        self._proven = max(self._proven, at_start)
        self._weigh(now, latency)
        # A limit that is not reached says nothing about what lies above it.
        if self.slow or in_flight < int(self.limit):
            return
        if self.limit < self._ceiling:
            faster = 1.0 if math.isinf(self._ceiling) else GROWTH_BELOW_CEILING
            self._set(min(self.limit + faster, self._ceiling))
        elif now >= self._probe_at:
            self._probe(now, latency)

    def refused(self, now: float, started: float, at_start: int) -> None:
        """The provider had enough; `at_start`: calls in flight when this one started, with itself."""
        if self._is_stray(at_start):
            return
        bearable = max(1.0, at_start - 1.0)
        if started < self._last_retreat:
            # One of those that started together: it can only tell the ceiling better.
            self._ceiling = min(self._ceiling, bearable)
            self._set(min(self.limit, self._ceiling))
            return
        self._retreat(now, min(bearable, self.limit))

    def paused(self, now: float, started: float, at_start: int) -> None:
        """The provider named a time to wait: so much a minute is what it minds, rather than so many at once."""
        if started < self._last_retreat or not self._succeeded:
            return
        self._retreat(now, min(at_start - 1.0, self.limit * SLIGHT_RETREAT))

    def _is_stray(self, at_start: int) -> bool:
        """Whether a refusal says nothing of how many it bears: alone, or one of few that it might have taken."""
        self._refused_share += SHARE_WEIGHT * (1.0 - self._refused_share)
        may_be_taken = math.isinf(self._ceiling) or at_start <= self._proven
        return at_start == 1 or (may_be_taken and self._refused_share <= STRAY_SHARE)

    def _retreat(self, now: float, ceiling: float) -> None:
        # Refused though it asked for no more than before, it knows nothing any longer, and finds out fast.
        probed = self._step > 1.0
        longer = min(2.0 * self._probe_seconds, LONGEST_PROBE_SECONDS)
        self._probe_seconds = longer if probed else FIRST_PROBE_SECONDS
        self._ceiling = max(1.0, ceiling)
        self._proven = min(self._proven, int(self._ceiling))
        self._step = 1.0
        self._probe_at = now + self._probe_seconds
        self._last_retreat = now
        self.retreats += 1
        self._succeeded = False
        self._set(self._ceiling)

    def _probe(self, now: float, latency: float) -> None:
        """The ceiling held: ask for more, and for twice as much more the next time."""
        if self._step > 1.0:
            # The last probe held.
            self._probe_seconds = FIRST_PROBE_SECONDS
        self._ceiling = min(float(self.most), self._ceiling + self._step)
        self._step *= 2.0
        self._probe_at = now + max(self._probe_seconds, latency)
        self._set(self._ceiling)

    def _weigh(self, now: float, latency: float) -> None:
        self._round.append(latency)
        if len(self._round) < max(START, int(self.limit)):
            return
        mean = sum(self._round) / len(self._round)
        self._round.clear()
        self._base = min(mean, self._base * BASE_DRIFT)
        self.slow = mean > NO_GROWTH_RATIO * self._base
        if mean > RETREAT_RATIO * self._base and self.limit > START:
            self.retreats += 1
            self._ceiling = max(float(START), self.limit * RETREAT)
            self._probe_at = now + max(self._probe_seconds, latency)
            self._set(self._ceiling)

    def _set(self, limit: float) -> None:
        self.limit = max(1.0, min(limit, float(self.most)))
