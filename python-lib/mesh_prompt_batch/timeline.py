"""What happened when, in equal spans of time: neighbours become one when there are too many, so size is fixed."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

MOST_SPANS = 120
FIRST_SECONDS_EACH = 0.125


class Sample(NamedTuple):
    """A moment: calls in flight, and how many there might be.

    Counts since the run began: pauses that providers asked for, retreats to fewer calls at once, and times at which
    an LLM that only failed was left alone.
    """

    in_flight: int
    allowed: int
    pauses: int = 0
    retreats: int = 0
    left_alone: int = 0


@dataclass(slots=True)
class Span:
    """Sums over the time of a span; `failures` by error type, `repeated` counts calls after a row's first."""

    answered: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    samples: int = 0
    in_flight: int = 0
    allowed: int = 0
    pauses: int = 0
    retreats: int = 0
    left_alone: int = 0

    @property
    def failed(self) -> int:
        return self.failures.total()

    def add(self, other: "Span") -> None:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Timeline:
    """Used by one thread at a time."""

    def __init__(self) -> None:
        self.seconds_each = FIRST_SECONDS_EACH
        self.spans: list[Span] = []

    def at(self, seconds: float) -> Span:
        """The span of a moment, in seconds since the beginning."""
        moment = max(0.0, seconds)
        while moment >= MOST_SPANS * self.seconds_each:
            self._merge()
        place = int(moment / self.seconds_each)
        while len(self.spans) <= place:
            self.spans.append(Span())
        return self.spans[place]

    def total(self) -> Span:
        total = Span()
        for span in self.spans:
            total.add(span)
        return total

    def _merge(self) -> None:
        self.seconds_each *= 2
        for left, right in zip(self.spans[::2], self.spans[1::2], strict=False):
            left.add(right)
        self.spans = self.spans[::2]
