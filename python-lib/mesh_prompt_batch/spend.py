"""What a run may still spend: each call reserves its worst case before it starts, so that the limit is never passed.

Amounts are exact decimals, in the currency of the prices. Knows no clock, no tasks and no folder.
"""

import enum
from decimal import Decimal

from mesh_prompt_batch.money import EXACT, added

# Of the limit: what is recorded in one go before it is used, and at most lost when the process is killed.
BLOCK = Decimal("0.05")
NOTHING = Decimal(0)


class Verdict(enum.Enum):
    """Whether a call may start as far as money goes."""

    FITS = enum.auto()
    MUST_BE_GRANTED = enum.auto()
    MUST_WAIT = enum.auto()
    NEVER = enum.auto()


class Spend:
    """Used by one thread. What is spent and reserved never exceeds `granted`, and that never exceeds the limit.

    That holds where no call costs more than it reserved: of a provider that counts more than that, the truth is kept.
    """

    def __init__(self, limit: Decimal, spent: Decimal = NOTHING) -> None:
        """`spent`: by earlier runs that this one resumes."""
        self.limit = limit
        self.earlier = self.spent = self.granted = spent
        self.reserved = NOTHING

    def verdict(self, reservation: Decimal) -> Verdict:
        wanted = self._with(reservation)
        if wanted <= self.granted:
            return Verdict.FITS
        if wanted <= self.limit:
            return Verdict.MUST_BE_GRANTED
        return Verdict.MUST_WAIT if self.reserved else Verdict.NEVER

    def next_grant(self, reservation: Decimal) -> Decimal:
        """The total to record before a call that must be granted may start."""
        block = added(self.granted, EXACT.multiply(self.limit, BLOCK))
        return min(self.limit, max(self._with(reservation), block))

    def grant(self, total: Decimal) -> None:
        """So much is recorded where a later run finds it."""
        self.granted = max(self.granted, total)

    def reserve(self, reservation: Decimal) -> None:
        """To be called when the verdict is FITS."""
        self.reserved = added(self.reserved, reservation)

    def settle(self, reservation: Decimal, cost: Decimal | None) -> None:
        """The call has ended; None: nobody knows what it cost, so all that was reserved counts."""
        self.reserved = EXACT.subtract(self.reserved, reservation)
        self.spent = added(self.spent, reservation if cost is None else cost)

    def _with(self, reservation: Decimal) -> Decimal:
        return added(added(self.spent, self.reserved), reservation)
