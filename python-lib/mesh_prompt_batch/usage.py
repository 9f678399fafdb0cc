"""Tokens and cost of a call, and their sum over the calls of a row."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from mesh_prompt_batch.money import added

# No call has so many, and all calls of a row together stay below what records of outcomes hold.
_TOO_MANY = 10**12


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them; None where it said nothing. `cost` is None where it is not known."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: Decimal | None = None

    def __add__(self, other: "Usage") -> "Usage":
        """Of two calls. One that reported nothing adds nothing; an unknown cost makes the sum unknown."""
        return Usage(
            _sum(self.prompt_tokens, other.prompt_tokens),
            _sum(self.completion_tokens, other.completion_tokens),
            _sum_of_costs(self, other),
        )

    @property
    def reported(self) -> bool:
        return self.prompt_tokens is not None or self.completion_tokens is not None

    @property
    def tokens(self) -> int:
        """In and out, as far as they are told."""
        return (self.prompt_tokens or 0) + (self.completion_tokens or 0)

    def described(self) -> str:
        if not self.reported:
            return "tokens unknown"
        return f"{self.prompt_tokens or 0:,} + {self.completion_tokens or 0:,} tokens"


NOTHING_REPORTED = Usage()


def usage_from(body: Mapping[str, object]) -> Usage:
    """The `usage` of a chat completion's JSON; a provider may leave it out, or parts of it."""
    usage = body.get("usage")
    if not isinstance(usage, Mapping):
        return NOTHING_REPORTED
    # No request is without tokens: some providers do not count and say 0, which must not pass for free.
    prompt = _count(usage.get("prompt_tokens")) or None
    completion = _count(usage.get("completion_tokens"))
    return Usage(prompt, completion) if prompt or completion else NOTHING_REPORTED


def _count(value: object) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value < _TOO_MANY else None


def _sum(left: int | None, right: int | None) -> int | None:
    return left if right is None else right if left is None else left + right


def _sum_of_costs(left: Usage, right: Usage) -> Decimal | None:
    if not left.reported or not right.reported:
        return right.cost if not left.reported else left.cost
    return None if left.cost is None or right.cost is None else added(left.cost, right.cost)
