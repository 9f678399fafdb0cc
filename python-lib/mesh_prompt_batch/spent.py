"""Tokens and cost of many rows."""

from dataclasses import dataclass, replace
from decimal import Decimal

from mesh_prompt_batch.money import added, per_thousand, shown
from mesh_prompt_batch.usage import NOTHING_REPORTED, Usage


@dataclass(slots=True)
class Spent:
    """`cost` is the sum of the costs that are known, None where none is.

    `unpriced` counts the rows that were answered, or used tokens, at a cost that is not known.
    """

    usage: Usage = NOTHING_REPORTED
    cost: Decimal | None = None
    unpriced: int = 0

    def add(self, usage: Usage, *, answered: bool) -> None:
        """Of one row."""
        self.usage += usage if usage.cost is None else replace(usage, cost=None)
        if usage.cost is not None:
            self.cost = usage.cost if self.cost is None else added(self.cost, usage.cost)
        elif answered or usage.reported:
            self.unpriced += 1

    @property
    def tokens(self) -> int:
        return self.usage.tokens

    def described(self) -> list[str]:
        """Parts of a line of the log."""
        tokens = self.usage.described()
        return [tokens] if self.cost is None else [tokens, f"cost {shown(self.cost)}"]

    def per_thousand(self, rows: int) -> list[str]:
        """A part of a line, where the cost of all `rows` is known."""
        if self.cost is None or self.unpriced or not rows:
            return []
        return [f"{shown(per_thousand(self.cost, rows))} per 1,000 rows"]
