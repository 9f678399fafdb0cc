"""Which objects hold the saved answers, and which of them are to become one.

Answers lie in one local file in the order in which they were saved, and each object is a range of it: to merge
neighbours is to upload their ranges as one. So no object is read twice and nothing is encoded again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, islice

FAN_IN = 16
MOST_BYTES = 128 * 1024 * 1024
MOST_FOUND = 32


@dataclass(frozen=True, slots=True)
class Part:
    """An object and its range of the local file; `level` counts how often its answers were merged."""

    name: str
    start: int
    end: int
    level: int = 0


class PartList:
    """Objects that earlier runs left, then those of this run, all in the order of the local file."""

    def __init__(self) -> None:
        self.found: list[Part] = []
        self.written: list[Part] = []

    def groups_of_found(self, *, rewrite: bool) -> list[list[Part]]:
        """What earlier runs left, in as few objects as can be; nothing where they are few, unless to `rewrite`."""
        if not rewrite and len(self.found) <= MOST_FOUND:
            return []
        return _grouped(self.found)

    def groups_of_all(self) -> list[list[Part]]:
        """Everything in as few objects as can be, for the end of a run; what stands alone stays as it is."""
        self.found, self.written = [], [*self.found, *self.written]
        return [group for group in _grouped(self.written) if len(group) > 1]

    def due(self) -> list[Part]:
        """Neighbours of this run, merged equally often, that are as many as become one at a time; else nothing.

        Fewer where so many are too large for one: else every one of them would stay.
        """
        for _, alike in groupby(self.written, lambda part: part.level):
            first = list(islice(alike, FAN_IN))
            fitting = [it for it in first if it.end - first[0].start <= MOST_BYTES]
            if len(first) == FAN_IN and len(fitting) > 1:
                return fitting
        return []

    def replace(self, parts: Sequence[Part], name: str) -> Part:
        """Put one object in the place of neighbours; gives it."""
        merged = Part(name, parts[0].start, parts[-1].end, parts[0].level + 1)
        for held in (self.found, self.written):
            if parts[0] in held:
                at = held.index(parts[0])
                held[at : at + len(parts)] = [merged]
        return merged


def _grouped(parts: Sequence[Part]) -> list[list[Part]]:
    groups: list[list[Part]] = []
    for part in parts:
        if groups and part.end - groups[-1][0].start <= MOST_BYTES:
            groups[-1].append(part)
        else:
            groups.append([part])
    return groups
