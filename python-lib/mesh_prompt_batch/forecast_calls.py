"""What a few real calls tell of a whole run: tokens, cost and time, each as an interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import fmean

from mesh_prompt_batch.completion import Completion, CompletionRequest, Outcome
from mesh_prompt_batch.forecast_bounds import Bounds
from mesh_prompt_batch.image_parts import image_urls
from mesh_prompt_batch.inquiry import Asked
from mesh_prompt_batch.own_limits import Limits
from mesh_prompt_batch.prediction import CALIBRATED_FROM, LEAST, Interval, Seen, time_of, total_of
from mesh_prompt_batch.token_estimate import BYTES_A_TOKEN, IMAGE_TOKENS

Figures = tuple[Interval | Bounds, Interval | Bounds, Interval | Bounds, Interval | Bounds]
_UNKNOWN = Bounds(None, None)


@dataclass(frozen=True, slots=True)
class Measured:
    """`rows` asked by `calls`, of which `failed` failed, at `cost`; None: unknown.

    `totals`: tokens in, tokens out, cost and seconds of all rows; empty where too few rows were answered.
    """

    rows: int
    failed: int
    calls: int
    cost: Decimal | None
    totals: Figures | tuple[()]

    @property
    def calibrated(self) -> bool:
        return self.rows - self.failed >= CALIBRATED_FROM


@dataclass(frozen=True, slots=True)
class _Row:
    size: float
    outcome: Outcome


def measured(
    asked: Asked, requests: Sequence[CompletionRequest], rows: int, limits: Limits
) -> Measured:
    """`requests`: those of the sample, of which `asked` are some; `rows`: all that will be sent."""
    totals = asked.totals
    seen = [
        _Row(_size(it.request), it.outcome)
        for it in asked.rows
        if it.request is not None and it.outcome is not None
    ]
    figures: Figures | tuple[()] = ()
    if totals.completed >= LEAST:
        figures = _figures(seen, [_size(it) for it in requests], rows, limits)
    return Measured(totals.decided, totals.failed, totals.attempts, totals.spent.cost, figures)


def _figures(seen: Sequence[_Row], sizes: Sequence[float], rows: int, limits: Limits) -> Figures:
    def total(used: Sequence[float | None]) -> Interval | Bounds:
        known = [
            Seen(it.size, value) for it, value in zip(seen, used, strict=True) if value is not None
        ]
        return total_of(known, sizes, rows) if len(known) == len(seen) else _UNKNOWN

    prompt = total([_tokens(it.outcome, it.outcome.usage.prompt_tokens) for it in seen])
    answer = total([_tokens(it.outcome, it.outcome.usage.completion_tokens) for it in seen])
    cost = total([_cost(it.outcome) for it in seen])
    seconds = _seconds(seen)
    work = total_of(
        [Seen(it.size, value) for it, value in zip(seen, seconds, strict=True)], sizes, rows
    )
    span = time_of(work, seconds, limits.max_concurrency, rows)
    attempts = rows * fmean(max(1, it.outcome.attempts) for it in seen)
    return prompt, answer, cost, _held_up(span, attempts, (prompt, answer), limits)


def _held_up(
    span: Interval,
    attempts: float,
    tokens: tuple[Interval | Bounds, Interval | Bounds],
    limits: Limits,
) -> Interval:
    """By the recipe's own limits a minute."""
    least = 60.0 * attempts / limits.requests_per_minute if limits.requests_per_minute else 0.0
    prompt, answer = tokens
    a_minute = limits.tokens_per_minute
    by_tokens = Interval(0.0, 0.0, 0.0)
    if a_minute and isinstance(prompt, Interval) and isinstance(answer, Interval):
        by_tokens = Interval(
            60.0 * (prompt.low + answer.low) / a_minute,
            60.0 * (prompt.middle + answer.middle) / a_minute,
            60.0 * (prompt.high + answer.high) / a_minute,
        )
    return Interval(
        max(span.low, least, by_tokens.low),
        max(span.middle, least, by_tokens.middle),
        max(span.high, least, by_tokens.high),
    )


def _seconds(seen: Sequence[_Row]) -> list[float]:
    """Of each row's calls together: those that failed are taken to last as long as those that answered."""
    latencies = [it.outcome.latency_seconds for it in seen if isinstance(it.outcome, Completion)]
    usual = fmean(latencies)
    return [
        max(1, it.outcome.attempts)
        * (it.outcome.latency_seconds if isinstance(it.outcome, Completion) else usual)
        for it in seen
    ]


def _tokens(outcome: Outcome, tokens: int | None) -> float | None:
    """Of a failed row that reports none: as a rule it is not billed."""
    if tokens is None:
        return None if isinstance(outcome, Completion) else 0.0
    return float(tokens)


def _cost(outcome: Outcome) -> float | None:
    if outcome.usage.cost is not None:
        return float(outcome.usage.cost)
    return None if isinstance(outcome, Completion) or outcome.usage.reported else 0.0


def _size(request: CompletionRequest) -> float:
    return request.text_bytes() + BYTES_A_TOKEN * IMAGE_TOKENS * len(image_urls(request))
