"""Leases of many runs in a slow folder, in virtual time: the real shares, told as the run's own thread tells them."""

import heapq
import itertools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.scale.figures import Folder

sys.path.append(str(Path(__file__).resolve().parents[2] / "python-lib"))
from mesh_prompt_batch.leases import WHOLE, Lease
from mesh_prompt_batch.share_keeper import BEAT_TIMES_BETWEEN, LONGEST_PAUSE_SECONDS
from mesh_prompt_batch.shares import SETTLE_SECONDS, Shares


@dataclass
class LeaseFolder:
    """`others`: objects beside the leases, which a listing names too."""

    folder: Folder
    others: Callable[[], float] = lambda: 0.0
    leases: dict[str, Lease] = field(default_factory=dict)

    def listing_seconds(self) -> float:
        return self.folder.listing(self.others() + len(self.leases))


class Keeper:
    """One run's lease: `acts` gives the seconds that pass between what it does, until it is told to `leave`."""

    def __init__(
        self,
        place: LeaseFolder,
        name: tuple[str, str],
        clock: Callable[[], float],
        *,
        replaces: bool,
    ) -> None:
        """`name`: partition and run."""
        self.shares = Shares(*name, replaces=replaces)
        self._place, self._clock = place, clock
        self._written: list[str] = []
        self.leaving = self.pausing = False

    def share(self, now: float) -> float:
        return self.shares.share(now)

    def acts(self) -> Iterator[float]:
        while not self.leaving:
            began = self._clock()
            yield from self._beat()
            pause = max(SETTLE_SECONDS, BEAT_TIMES_BETWEEN * (self._clock() - began))
            self.pausing = True
            yield min(pause, LONGEST_PAUSE_SECONDS)
            self.pausing = False
        yield from self._write(self.shares.last_lease(), kept=1)

    def _beat(self) -> Iterator[float]:
        began = self._clock()
        yield self._place.listing_seconds()
        self.shares.look(began, self._clock(), list(self._place.leases.values()))
        began = self._clock()
        yield from self._write(self.shares.next_lease())
        self.shares.told(began, self._clock())
        for lease in self.shares.of_no_use(self._clock()):
            yield from self._delete(lease.name)

    def _write(self, lease: Lease, kept: int = 2) -> Iterator[float]:
        yield self._place.folder.write()
        self._place.leases[lease.name] = lease
        self._written.append(lease.name)
        while len(self._written) > kept:
            yield from self._delete(self._written.pop(0))

    def _delete(self, name: str) -> Iterator[float]:
        yield self._place.folder.write()
        self._place.leases.pop(name, None)


class LeaseWorld:
    """Keepers on a clock that stands still while every share is settled: further beats would change nothing."""

    def __init__(self, place: LeaseFolder, *, stands_still: bool = True) -> None:
        self.place = place
        self.now = 0.0
        self.settled = True
        self._stands_still = stands_still
        self._count = itertools.count()
        self._living: dict[Keeper, Iterator[float]] = {}
        # What each keeper does next: an entry of the heap that is another one is out of date.
        self._next: dict[Keeper, int] = {}
        self._due: list[tuple[float, int, Keeper]] = []

    def join(self, partition: str, *, replaces: bool) -> Keeper:
        name = (partition, f"{next(self._count):012x}")
        keeper = Keeper(self.place, name, lambda: self.now, replaces=replaces)
        self._living[keeper] = keeper.acts()
        self._plan(keeper, self.now)
        return keeper

    def leave(self, keeper: Keeper) -> None:
        """No call of it is in flight any more."""
        keeper.leaving = True
        if keeper.pausing:
            self._plan(keeper, self.now)
        self.settled = False

    def kill(self, keeper: Keeper) -> None:
        del self._living[keeper], self._next[keeper]
        self.settled = False

    def share(self, keeper: Keeper) -> float:
        return keeper.share(self.now)

    def run(self, seconds: float) -> None:
        """So much further, but for time in which all is settled."""
        if self.settled and self._stands_still:
            return
        until = self.now + seconds
        while self._due and self._due[0][0] <= until:
            self.now, number, keeper = heapq.heappop(self._due)
            if self._next.get(keeper) != number:
                continue
            pause = next(self._living[keeper], None)
            if pause is None:
                del self._living[keeper], self._next[keeper]
            else:
                self._plan(keeper, self.now + pause)
        self.now = until
        self.settled = self._is_settled()

    def _plan(self, keeper: Keeper, at: float) -> None:
        self._next[keeper] = number = next(self._count)
        heapq.heappush(self._due, (at, number, keeper))
        self.settled = False

    def _is_settled(self) -> bool:
        living = len(self._living)
        return all(
            not it.leaving
            and it.shares.living == living
            and it.share(self.now) == (WHOLE // living) / WHOLE
            for it in self._living
        )
