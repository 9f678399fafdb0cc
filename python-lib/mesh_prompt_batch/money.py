"""Money as exact decimals; rounded only where it is shown or stored."""

from decimal import ROUND_FLOOR, Context, Decimal

# Holds the product of any price and any count without rounding: 10^-324 to 10^30.
EXACT = Context(prec=400)
# What is told to be more is no amount of a run.
MOST = 10**15
_MILLIONTH = Decimal("0.000001")
# What is granted or stored is a multiple of it.
GRAIN = Decimal("1e-12")


def for_tokens(price_per_million: Decimal, tokens: int) -> Decimal:
    return EXACT.scaleb(EXACT.multiply(price_per_million, Decimal(tokens)), -6)


def added(left: Decimal, right: Decimal) -> Decimal:
    return EXACT.add(left, right)


def part(amount: Decimal, parts: int) -> Decimal:
    """Rounded down: all parts together are never more."""
    return EXACT.divide(amount, Decimal(parts)).quantize(GRAIN, ROUND_FLOOR, EXACT)


def shown(amount: Decimal) -> str:
    """To a millionth, with two decimals at least: 0.00, 0.000012, 1,234.50."""
    if 0 < amount < _MILLIONTH:
        return "less than 0.000001"
    digits = f"{amount:,.6f}".rstrip("0")
    whole, _, decimals = digits.partition(".")
    return f"{whole}.{decimals:0<2}"


def about(amount: Decimal) -> str:
    """Of three digits: for what is only guessed."""
    return shown(Decimal(f"{amount:.3g}"))


def per_thousand(amount: Decimal, count: int) -> Decimal:
    """Rounded, as it is for showing."""
    return (1_000 * amount / count).quantize(_MILLIONTH)
