"""Answers on their way into the run folder, in virtual time: the real list of objects, saved as the saver does."""

import random
import sys
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from bench.scale.figures import Folder, Scenario

sys.path.append(str(Path(__file__).resolve().parents[2] / "python-lib"))
from mesh_prompt_batch.feed import FLUSH_SECONDS
from mesh_prompt_batch.part_list import MOST_BYTES, MergeSize, Part, PartList
from mesh_prompt_batch.saver import (
    LONGEST_INTERVAL_SECONDS,
    SHORTEST_INTERVAL_SECONDS,
    UPLOAD_TIMES_BETWEEN,
)

# A saver looks again at the latest then.
LOOK_SECONDS = FLUSH_SECONDS
# Beyond so many an object grows to its full size every so often, and nothing else changes.
MOST_UPLOADS = 70_000


class Saving:
    """`recorded` tells how many answers wait or are saved by now; `acts` gives the seconds that pass, without end."""

    def __init__(
        self,
        folder: Folder,
        bytes_a_row: float,
        recorded: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self.parts = PartList()
        self.saved = 0.0
        self.uploads = 0
        self._folder, self._bytes = folder, bytes_a_row
        self._recorded, self._clock = recorded, clock
        self._merge_size = MergeSize()
        self._chores: deque[Callable[[], Iterator[float]]] = deque()
        self._names = count()
        self._next_save = 0.0

    @property
    def objects(self) -> int:
        """Those too that are merged and not yet deleted."""
        left = sum(it == self._delete for it in self._chores)
        return len(self.parts.found) + len(self.parts.written) + left

    def acts(self) -> Iterator[float]:
        while True:
            now = self._clock()
            waiting = self._recorded() > self.saved
            if waiting and now >= self._next_save:
                yield from self._save()
            elif self._chores:
                yield from self._chores.popleft()()
                self._plan_merge()
            else:
                until = self._next_save if waiting else now + LOOK_SECONDS
                yield max(until - now, 1e-6)

    def _save(self) -> Iterator[float]:
        taken = self._recorded()
        size = (taken - self.saved) * self._bytes
        took = self._folder.write(size)
        yield took
        interval = max(SHORTEST_INTERVAL_SECONDS, UPLOAD_TIMES_BETWEEN * took)
        self._next_save = self._clock() + min(interval, LONGEST_INTERVAL_SECONDS)
        start = self.saved * self._bytes
        # Ranges are whole bytes.
        part = Part(str(next(self._names)), int(start), int(start + size))
        self.parts.written.append(part)
        self.saved = taken
        self.uploads += 1
        self._plan_merge()

    def _plan_merge(self) -> None:
        due = self.parts.due(self._merge_size.bytes)
        if due and not self._chores:
            self._chores.append(lambda: self._merge(due))

    def _merge(self, due: Sequence[Part]) -> Iterator[float]:
        size = due[-1].end - due[0].start
        took = self._folder.write(size)
        yield took
        self._merge_size.uploaded(size, took)
        self.parts.replace(due, str(next(self._names)))
        self._chores.extend([self._delete] * len(due))

    def _delete(self) -> Iterator[float]:
        yield self._folder.write()


def objects_found(objects: int, size: float) -> int:
    """How many a run makes of so many that an earlier one left, `size` bytes in all."""
    parts = PartList()
    each = size / max(objects, 1)
    parts.found = [Part(str(it), int(it * each), int((it + 1) * each)) for it in range(objects)]
    groups = parts.groups_of_found(rewrite=False)
    return objects - sum(map(len, groups)) + len(groups)


@dataclass
class SavingProfile:
    """One run at an even pace, upload by upload: what other runs at that pace look like at any moment.

    `ended`: when uploads ended; `covered`: the moment up to which answers were saved by then; `objects` after each.
    """

    ended: list[float] = field(default_factory=list)
    covered: list[float] = field(default_factory=list)
    objects: list[int] = field(default_factory=list)
    bytes_an_upload: float = 0.0

    @classmethod
    def of(cls, rate: float, seconds: float, folder: Folder, bytes_a_row: float) -> "SavingProfile":
        """At `rate` rows a second."""
        profile, now = cls(), 0.0

        def recorded() -> float:
            return int(rate * (now // FLUSH_SECONDS) * FLUSH_SECONDS)

        saving = Saving(folder, bytes_a_row, recorded, lambda: now)
        for pause in saving.acts():
            if len(profile.ended) < saving.uploads:
                profile.ended.append(now)
                profile.covered.append(saving.saved / rate)
                profile.objects.append(saving.objects)
            now += pause
            if now > seconds or saving.uploads == MOST_UPLOADS:
                profile.bytes_an_upload = saving.saved * bytes_a_row / saving.uploads
                return profile
        raise AssertionError("unreachable")

    @property
    def period(self) -> float:
        """Seconds from one upload to the next."""
        return self.ended[-1] / len(self.ended)

    def unsaved_seconds(self, drawn: random.Random) -> float:
        """How old the oldest answer that is not saved is, at a moment that `drawn` names."""
        moment = drawn.uniform(self.ended[0], self.ended[-1])
        return moment - self.covered[bisect_right(self.ended, moment) - 1]

    def objects_after(self, uploads: float) -> int:
        known = min(int(uploads), len(self.objects))
        more = (uploads - known) * self.bytes_an_upload / MOST_BYTES
        return self.objects[known - 1] + int(more) if known else 0


def profile_of(scenario: Scenario) -> SavingProfile:
    """How any of its runs saves while all are at work."""
    rate = scenario.nominal_rate
    seconds = 1.2 * scenario.rows / scenario.partitions / rate
    return SavingProfile.of(rate, max(60.0, seconds), scenario.folder, scenario.bytes_a_row)
