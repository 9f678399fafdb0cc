"""Some rows from anywhere in a recipe's input, and how many rows there are."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from mesh_prompt_batch.inquiry import Inquiry, Row

SEED = 0


@dataclass(frozen=True, slots=True)
class Drawn:
    """`numbers` are the rows' own, from 1, or None where nobody knows them; the words tell how all this is known."""

    rows: list[Row]
    numbers: list[int] | None
    total: int
    counted: str
    chosen: str

    @property
    def whole(self) -> bool:
        return len(self.rows) == self.total


def drawn(inquiry: Inquiry, number: int) -> Drawn:
    """At most so many rows. The input is passed over once where Dataiku has not counted it."""
    limit = inquiry.settings.output.row_limit
    known = inquiry.source.last_row_count() if limit is None else None
    if known is not None and known > number:
        rows = inquiry.source.random_rows(inquiry.columns(), number)
        counted = "as Dataiku counted last: recount if the input changed"
        return Drawn(rows, None, max(known, len(rows)), counted, "random rows")
    counted = "counted now" if limit is None else "counted now, 'Only the first rows' at most"
    return _passed(inquiry.rows(limit), number, counted)


def _passed(rows: Iterator[Row], number: int, counted: str) -> Drawn:
    """Every row has the same chance, and no more than `number` are held."""
    chance, held, total = random.Random(SEED), list[tuple[int, Row]](), 0
    for total, row in enumerate(rows, 1):
        if total <= number:
            held.append((total, row))
            continue
        place = chance.randrange(total)
        if place < number:
            held[place] = (total, row)
    held.sort(key=lambda it: it[0])
    chosen = "all of them" if len(held) == total else "random rows"
    return Drawn([row for _, row in held], [at for at, _ in held], total, counted, chosen)
