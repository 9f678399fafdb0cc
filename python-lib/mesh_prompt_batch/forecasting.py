"""The use case of a forecast: what a recipe's next run will cost and how long it will take, before it runs."""

import logging
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from mesh_prompt_batch.completion import CompletionRequest
from mesh_prompt_batch.errors import PromptBatchError, RequestError, SettingsError
from mesh_prompt_batch.fingerprint import fingerprint
from mesh_prompt_batch.forecast_bounds import Bounds, bounds
from mesh_prompt_batch.forecast_calls import Measured, measured
from mesh_prompt_batch.forecast_settings import LABELS, ForecastSettings
from mesh_prompt_batch.inquiry import Inquiry, Row, asked, built
from mesh_prompt_batch.invalid_rows import InvalidRow, invalid_rows
from mesh_prompt_batch.money import shown
from mesh_prompt_batch.prediction import Interval
from mesh_prompt_batch.prices import Prices
from mesh_prompt_batch.sampling import SEED, Drawn, drawn

logger = logging.getLogger(__name__)

COUNTED, BUILT, WHOLE = 20, 40, 100


@dataclass(frozen=True, slots=True)
class Forecast:
    """`to_send`: rows that will be sent, identical ones once, as estimated from the sample.

    What is `Bounds` was not measured. `calls` is None where none was made, or too few were answered.
    """

    recipe: str
    drawn: Drawn
    invalid: Sequence[InvalidRow]
    identical: int
    to_send: int
    prompt_tokens: Interval | Bounds
    completion_tokens: Interval | Bounds
    cost: Interval | Bounds
    seconds: Interval | Bounds
    calls: Measured | None = None


def forecast_of(
    inquiry: Inquiry, settings: ForecastSettings, progress: Callable[[int], None]
) -> Forecast:
    """`progress` gets the share that is done, in percent.

    Raises SettingsError before any call, and PromptBatchError where the cost is above `fail_above`.
    """
    prices = inquiry.prices()
    _check_known(inquiry, settings, prices)
    sample = drawn(inquiry, settings.sample_rows)
    progress(COUNTED)
    requests = built(sample.rows, inquiry)
    progress(BUILT)
    forecast = _forecast(inquiry, settings, prices, sample, requests)
    progress(WHOLE)
    _check_cost(forecast, settings.fail_above)
    return forecast


def _forecast(
    inquiry: Inquiry,
    settings: ForecastSettings,
    prices: Prices,
    sample: Drawn,
    requests: Sequence[CompletionRequest | RequestError],
) -> Forecast:
    distinct = _distinct(requests, once=inquiry.settings.run.identical_once)
    to_send = _to_send(sample, requests, once=inquiry.settings.run.identical_once)
    chosen = [sample.rows[at] for at in _chosen([*distinct], settings.calls)]
    calls = _measured(chosen, [*distinct.values()], to_send, inquiry, prices)
    valid = sum(isinstance(it, CompletionRequest) for it in requests)
    prompt, answer, cost = bounds([*distinct.values()], prices, to_send)
    unmeasured = (prompt, answer, cost, _least_seconds(to_send, prompt, answer, inquiry))
    figures = unmeasured if calls is None or not calls.totals else calls.totals
    return Forecast(
        inquiry.recipe,
        sample,
        invalid_rows(requests, sample.numbers, inquiry.columns()),
        valid - len(distinct),
        to_send,
        *figures,
        calls,
    )


def _measured(
    rows: Sequence[Row],
    requests: Sequence[CompletionRequest],
    to_send: int,
    inquiry: Inquiry,
    prices: Prices,
) -> Measured | None:
    if not rows:
        return None
    found = asked(rows, inquiry, prices)
    if found.stopped:
        logger.warning(f"Not every real call was made. {found.stopped}")
    return measured(found, requests, to_send, inquiry.settings.run.limits)


def _distinct(
    requests: Sequence[CompletionRequest | RequestError], *, once: bool
) -> dict[int, CompletionRequest]:
    """Those that will be sent, by their place in the sample."""
    places: dict[object, int] = {}
    for place, request in enumerate(requests):
        if isinstance(request, CompletionRequest):
            places.setdefault(fingerprint(request) if once else place, place)
    found = {place: requests[place] for place in places.values()}
    return {place: it for place, it in found.items() if isinstance(it, CompletionRequest)}


def _to_send(
    sample: Drawn, requests: Sequence[CompletionRequest | RequestError], *, once: bool
) -> int:
    """The share of requests seen once tells how likely the next is a new one (Good and Turing); later ones are less."""
    keys = [fingerprint(it) for it in requests if isinstance(it, CompletionRequest)]
    if not keys:
        return 0
    valid = round(sample.total * len(keys) / len(requests))
    if not once:
        return valid
    times = Counter(keys)
    new = sum(it == 1 for it in times.values()) / len(keys)
    return len(times) + round((valid - len(keys)) * new)


def _chosen(places: list[int], calls: int) -> list[int]:
    return sorted(random.Random(SEED).sample(places, min(calls, len(places))))


def _least_seconds(rows: int, prompt: Bounds, answer: Bounds, inquiry: Inquiry) -> Bounds:
    """By the recipe's own limits alone: how long a call takes nobody knows."""
    limits = inquiry.settings.run.limits
    tokens = (prompt.low or 0.0) + (answer.low or 0.0)
    least = [
        60.0 * used / limit
        for used, limit in ((rows, limits.requests_per_minute), (tokens, limits.tokens_per_minute))
        if limit
    ]
    return Bounds(max(least, default=None), None)


def _check_known(inquiry: Inquiry, settings: ForecastSettings, prices: Prices) -> None:
    """Raises SettingsError where what a run costs could not be told from `fail_above`."""
    if settings.fail_above is None:
        return
    label = LABELS["fail_above"]
    if prices.of(inquiry.settings.llm.llm_id) is None:
        raise SettingsError(
            f"'{label}' needs prices, and none is known for the recipe's LLM: fill in 'Price of a million input"
            " tokens' and 'Price of a million output tokens' in the recipe."
        )
    if not settings.calls and inquiry.settings.llm.parameters.get("max_tokens") is None:
        raise SettingsError(
            f"'{label}' has no upper bound to look at: fill in 'Max tokens' in the recipe, or make"
            f" '{LABELS['calls']}'."
        )


def _check_cost(forecast: Forecast, fail_above: Decimal | None) -> None:
    if fail_above is None:
        return
    # The P90, or the upper bound.
    most = forecast.cost.high
    label, limit = LABELS["fail_above"], shown(fail_above)
    if most is None:
        raise PromptBatchError(
            f"The cost of {forecast.recipe} cannot be forecast, so it may be above '{label}' ({limit}): rows name LLMs"
            " without a price, images by address, or answers came without token counts."
        )
    if most > fail_above:
        kind = "P90" if isinstance(forecast.cost, Interval) else "upper bound without calls"
        raise PromptBatchError(
            f"The forecast of {forecast.recipe} is {shown(Decimal(most))} ({kind}), above '{label}' ({limit})."
        )
