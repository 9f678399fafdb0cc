"""What the run folder says of the money spent: the name of an object is the total, so that no torn write loses it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from mesh_prompt_batch.money import EXACT, GRAIN
from mesh_prompt_batch.spend import NOTHING

SPENT = "spent/"
# Part of a regular expression: the number, the total to a GRAIN. A name has to stay short, and none of ours is longer.
MARK_NAME = r"([0-9]{6,18})-([0-9]{1,30}\.[0-9]{12})"


@dataclass(frozen=True, slots=True)
class Mark:
    """The newest, with the highest number, counts: so much was spent, or may have been while its run lived."""

    number: int = 0
    total: Decimal = NOTHING

    def next(self, total: Decimal) -> "Mark":
        return Mark(self.number + 1, total.quantize(GRAIN, ROUND_CEILING, EXACT))

    def name(self, epoch: str) -> str:
        return f"{marks_folder(epoch)}{self.number:06d}-{self.total:f}"


def marks_folder(epoch: str) -> str:
    return f"{SPENT}{epoch}/"


def newest_mark(names: Iterable[str]) -> Mark:
    """Of objects with these names; names that tell nothing are passed over."""
    found = (re.fullmatch(MARK_NAME, name.rpartition("/")[2]) for name in names)
    marks = [Mark(int(it[1]), Decimal(it[2])) for it in found if it]
    return max(marks, key=lambda it: it.number, default=Mark())
