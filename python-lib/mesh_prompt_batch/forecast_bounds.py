"""What all rows use at least and at most where none was asked."""

from collections.abc import Sequence
from dataclasses import dataclass

from mesh_prompt_batch.completion import CompletionRequest
from mesh_prompt_batch.errors import RequestError
from mesh_prompt_batch.prediction import LEAST, Seen, total_of
from mesh_prompt_batch.prices import Price, Prices
from mesh_prompt_batch.spending import worst_prompt_tokens

# Hardly any text has fewer tokens than that; none has more than one a byte.
MOST_BYTES_A_TOKEN = 8


@dataclass(frozen=True, slots=True)
class Bounds:
    """None: not known, or no bound."""

    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class _Extremes:
    """Of one request: tokens in and out, and what they cost; None: no bound."""

    prompt: tuple[float, float | None]
    answer: tuple[float, float | None]
    price: Price | None

    def cost(self, at: int) -> float | None:
        prompt, answer, price = self.prompt[at], self.answer[at], self.price
        if price is None or prompt is None or answer is None:
            return None
        return (float(price.input) * prompt + float(price.output) * answer) / 1e6


def bounds(
    requests: Sequence[CompletionRequest], prices: Prices, rows: int
) -> tuple[Bounds, Bounds, Bounds]:
    """Tokens in, tokens out and cost of all `rows`, of which `requests` are some; each row is asked once."""
    extremes = [_extremes(it, prices) for it in requests]
    prompts = [it.prompt for it in extremes]
    answers = [it.answer for it in extremes]
    costs = [(it.cost(0), it.cost(1)) for it in extremes]
    prompt, answer, cost = (_bounds(it, rows) for it in (prompts, answers, costs))
    return prompt, answer, cost


def _extremes(request: CompletionRequest, prices: Prices) -> _Extremes:
    most = request.parameters.get("max_tokens")
    try:
        longest: float | None = worst_prompt_tokens(request)
    except RequestError:
        # Nobody knows how large the image behind an address is.
        longest = None
    return _Extremes(
        (max(1.0, request.text_bytes() / MOST_BYTES_A_TOKEN), longest),
        (1.0, float(most) if isinstance(most, int) else None),
        prices.of(request.llm_id),
    )


def _bounds(pairs: Sequence[tuple[float | None, float | None]], rows: int) -> Bounds:
    lows, highs = ([pair[at] for pair in pairs] for at in (0, 1))
    return Bounds(_of_all(lows, rows, lowest=True), _of_all(highs, rows, lowest=False))


def _of_all(values: Sequence[float | None], rows: int, *, lowest: bool) -> float | None:
    """The sample itself may be small or large by chance: a bound holds nine times in ten where it is no whole."""
    known = [it for it in values if it is not None]
    if len(known) < len(values):
        return None
    if len(known) >= rows or not known:
        return sum(known)
    if len(known) < LEAST:
        return rows * (min(known) if lowest else max(known))
    total = total_of([Seen(0.0, it) for it in known], [0.0], rows)
    return total.low if lowest else total.high
