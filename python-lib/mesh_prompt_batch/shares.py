"""The share of the limits that one of several runs may use: all shares together are never more than the whole.

A run tells its claim before it uses it, and uses less before it tells that. It takes more only after a look that began
when everybody could see the claim, and only what the claims of all others leave. Of two that claim at once at least
one sees the other, so no order of events gives away more than there is. Nobody needs another one's clock.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from mesh_prompt_batch.leases import WHOLE, Lease

# Longer than storage takes to show everybody what was written.
SETTLE_SECONDS = 2.0
# A run that could not renew its lease for so long starts no call …
FENCE_SECONDS = 20.0
# … and one whose lease stood still for so long is dead for the others.
DEAD_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class _Seen:
    """A run's newest lease, and since when it stands still."""

    lease: Lease
    since: float

    def lives(self, now: float) -> bool:
        return self.lease.claim is not None and now - self.since < DEAD_SECONDS


class Shares:
    """One run's view; `now` and the like are seconds of any clock that only moves forward.

    Methods are called by one thread, but for `share`, which any may call.
    """

    def __init__(self, partition: str, run: str, *, replaces: bool) -> None:
        """`replaces`: the runs of this partition that are there already are at an end."""
        self.lease = Lease(partition, run)
        self._replaces = replaces
        self._seen: dict[str, _Seen] = {}
        self._others: list[Lease] = []
        self._listed: list[Lease] = []
        self._used = self._told = 0
        self._settled_at = self._renewed_at = -math.inf

    @property
    def living(self) -> int:
        """Runs at work, this one too."""
        return 1 + len(self._others)

    def share(self, now: float) -> float:
        """From 0.0 to 1.0."""
        return 0.0 if now - self._renewed_at > FENCE_SECONDS else self._used / WHOLE

    def look(self, began: float, ended: float, leases: Iterable[Lease]) -> None:
        """What a listing between these moments found."""
        self._listed = list(leases)
        newest = _newest(self._listed)
        # Where the own one is missing, users emptied the folder: who is not seen may live all the same.
        trusted = newest.pop(self.lease.run, None) is not None
        for run, lease in newest.items():
            seen = self._seen.get(run)
            if seen is None or lease.beat > seen.lease.beat:
                self._seen[run] = _Seen(lease, self._since(lease, ended))
        self._replaces = False
        self._others = [it.lease for it in self._seen.values() if it.lives(began)]
        self._take(settled=trusted and began >= self._settled_at)

    def _since(self, lease: Lease, now: float) -> float:
        replaced = self._replaces and lease.partition == self.lease.partition
        return -math.inf if replaced else now

    def _take(self, *, settled: bool) -> None:
        fair = WHOLE // self.living
        free = WHOLE - sum(it.claim or 0 for it in self._others)
        self._used = min(self._used, fair)
        if settled:
            self._used = max(self._used, min(self._told, fair, free))

    def of_no_use(self, now: float) -> list[Lease]:
        """Leases of runs at an end that nobody has to see any more."""
        ends = {run: it.since for run, it in self._seen.items() if not it.lives(now)}
        kept = DEAD_SECONDS if self._others else 0.0
        return [it for it in self._listed if now - ends.get(it.run, now) > kept]

    def next_lease(self) -> Lease:
        """To be written now, and `told` when that is done."""
        old, claim = self.lease, WHOLE // self.living
        self.lease = Lease(old.partition, old.run, old.beat + 1, claim)
        # Writing may fail and be seen all the same.
        self._told = min(self._told, claim)
        return self.lease

    def told(self, began: float, ended: float) -> None:
        """The newest lease was written between these moments."""
        claim = self.lease.claim or 0
        taken_for_dead = ended - self._renewed_at > FENCE_SECONDS
        if taken_for_dead:
            # Perhaps: it starts as a newcomer.
            self._used = 0
        if taken_for_dead or claim > self._told:
            self._settled_at = ended + SETTLE_SECONDS
        self._told, self._renewed_at = claim, began

    def last_lease(self) -> Lease:
        """To be written when no call is in flight any more."""
        self._used = 0
        return Lease(self.lease.partition, self.lease.run, self.lease.beat + 1, None)


def _newest(leases: Iterable[Lease]) -> dict[str, Lease]:
    newest: dict[str, Lease] = {}
    for lease in leases:
        seen = newest.get(lease.run)
        if seen is None or lease.beat > seen.beat:
            newest[lease.run] = lease
    return newest
