"""Which objects hold the saved answers, and which of them are to become one.

Answers lie in one local file in the order in which they were saved, and each object is a range of it: to merge
neighbours is to upload their ranges as one. So no object is read twice and nothing is encoded again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

FAN_IN = 16
MOST_BYTES = 128 * 1024 * 1024
MOST_FOUND = 32
# What is uploaded meanwhile holds up the answers of so many seconds.
MERGE_SECONDS = 2.0
FIRST_MERGE_BYTES, LEAST_MERGE_BYTES = 16 * 1024 * 1024, 4 * 1024 * 1024


class MergeSize:
    """How many `bytes` may become one object while rows are asked: as many as are uploaded in a moment."""

    def __init__(self) -> None:
        self.bytes = FIRST_MERGE_BYTES

    def uploaded(self, size: int, seconds: float) -> None:
        """Of small objects most of the time is a storage's pause, which says nothing of its speed."""
        if size >= LEAST_MERGE_BYTES:
            in_a_moment = size * MERGE_SECONDS / max(seconds, 1e-3)
            self.bytes = int(min(MOST_BYTES, max(LEAST_MERGE_BYTES, in_a_moment)))


@dataclass(frozen=True, slots=True)
class Part:
    """An object and its range of the local file; `level` counts how often its answers were merged.

    One that is `damaged` stays when what could be read of it is merged: it may be whole in another moment.
    """

    name: str
    start: int
    end: int
    level: int = 0
    damaged: bool = False


class PartList:
    """Objects that earlier runs left, then those of this run, all in the order of the local file."""

    def __init__(self) -> None:
        self.found: list[Part] = []
        self.written: list[Part] = []

    def groups_of_found(self, *, rewrite: bool) -> list[list[Part]]:
        """What earlier runs left, in as few objects as can be; nothing where they are few, unless to `rewrite`."""
        if not rewrite and len(self.found) <= MOST_FOUND:
            return []
        groups = _grouped(self.found, FIRST_MERGE_BYTES)
        return groups if rewrite else [it for it in groups if len(it) > 1]

    def groups_of_all(self) -> list[list[Part]]:
        """Everything in as few objects as can be, for the end of a run; what stands alone stays as it is."""
        self.found, self.written = [], [*self.found, *self.written]
        return [group for group in _grouped(self.written, MOST_BYTES) if len(group) > 1]

    def due(self, most_bytes: int = MOST_BYTES) -> list[Part]:
        """Neighbours of this run, merged equally often, that are as many as become one at a time; else nothing.

        Fewer where so many are more than `most_bytes`: else every one of them would stay.
        """
        for _, same in groupby(self.written, lambda part: part.level):
            alike = list(same)
            pairs = (
                at
                for at, (one, next_) in enumerate(pairwise(alike))
                if next_.end - one.start <= most_bytes
            )
            first = alike[next(pairs, len(alike)) :][:FAN_IN]
            if len(first) == FAN_IN:
                return [it for it in first if it.end - first[0].start <= most_bytes]
        return []

    def replace(self, parts: Sequence[Part], name: str) -> None:
        """Put one object in the place of neighbours."""
        merged = Part(name, parts[0].start, parts[-1].end, parts[0].level + 1)
        for held in (self.found, self.written):
            if parts[0] in held:
                at = held.index(parts[0])
                held[at : at + len(parts)] = [merged]


def _grouped(parts: Sequence[Part], most_bytes: int) -> list[list[Part]]:
    groups: list[list[Part]] = []
    for part in parts:
        if groups and part.end - groups[-1][0].start <= most_bytes:
            groups[-1].append(part)
        else:
            groups.append([part])
    return groups
