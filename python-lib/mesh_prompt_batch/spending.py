"""Holds the calls of a run to its spend limit: what each may cost at most, and whether there is money left for it."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from mesh_prompt_batch.completion import CompletionRequest
from mesh_prompt_batch.errors import CleanStopError, RequestError, invalid_row
from mesh_prompt_batch.image_parts import image_urls, without_urls
from mesh_prompt_batch.money import shown
from mesh_prompt_batch.prices import Prices
from mesh_prompt_batch.spend import NOTHING, Spend, Verdict
from mesh_prompt_batch.token_estimate import MOST_TOKENS_AN_IMAGE

_DATA = re.compile("data:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SpendLimit:
    """A run's, and how a total is recorded where a later run finds it: the callback comes from any thread."""

    spend: Spend
    prices: Prices
    record: Callable[[Decimal, Callable[[], None]], None]


class OverspentError(CleanStopError):
    """No call is in flight, and the next does not fit."""


class Spending:
    """Used on one event loop. `claim` records a total where a later run finds it, and answers by `spend.grant`."""

    def __init__(self, spend: Spend, prices: Prices, claim: Callable[[Decimal], None]) -> None:
        self.spend = spend
        self._prices = prices
        self._claim = claim
        self._claimed = NOTHING

    def reservation(self, request: CompletionRequest) -> Decimal:
        """What the call may cost at most. Raises RequestError where nobody can tell."""
        price = self._prices.of(request.llm_id)
        most = request.parameters.get("max_tokens")
        if price is None or not isinstance(most, int):
            raise _unreckonable("no price is known for the LLM that the row names")
        tokens = worst_prompt_tokens(request)
        if price.longest_prompt is not None and tokens > price.longest_prompt:
            raise _unreckonable("its messages are longer than the LLM's list price holds for")
        return price.of_tokens(tokens, most)

    def delay(self, reservation: Decimal) -> float:
        """0.0 where the call may start, infinite where something has to come first. Raises OverspentError."""
        verdict = self.spend.verdict(reservation)
        if verdict is Verdict.FITS:
            return 0.0
        if verdict is Verdict.NEVER:
            raise _overspent(self.spend, reservation)
        if verdict is Verdict.MUST_BE_GRANTED and self._claimed <= self.spend.granted:
            self._claimed = self.spend.next_grant(reservation)
            self._claim(self._claimed)
            return 0.0 if self.spend.verdict(reservation) is Verdict.FITS else math.inf
        return math.inf


def spend_lines(limit: SpendLimit | None) -> list[str]:
    """For the end of the log; none without a limit."""
    if limit is None:
        return []
    spend = limit.spend
    earlier = f", {shown(spend.earlier)} of it by earlier runs" if spend.earlier else ""
    line = f"Spend limit: {shown(spend.spent)} of {shown(spend.limit)} is spent as reckoned from the prices{earlier}"
    return [f"{line}; calls without token counts count as the most that they can cost."]


def worst_prompt_tokens(request: CompletionRequest) -> int:
    """No tokenizer makes more tokens of a text than it has bytes.

    Raises RequestError for what is not in the request itself, or is neither text nor an image.
    """
    urls = image_urls(request)
    if not all(_DATA.match(url) for url in urls):
        raise _unreckonable("nobody knows how large the image behind an address is")
    if len(urls) < sum(part.get("type") != "text" for part in _parts(request)):
        raise _unreckonable("nobody knows what a part that is neither text nor an image costs")
    sent = json.dumps(without_urls(request).body(), ensure_ascii=False)
    return len(sent.encode(errors="surrogatepass")) + len(urls) * MOST_TOKENS_AN_IMAGE


def _parts(request: CompletionRequest) -> Iterator[Mapping[str, object]]:
    for message in request.messages:
        content = message.get("content")
        yield from content if isinstance(content, (list, tuple)) else ()


def _unreckonable(why: str) -> RequestError:
    return invalid_row(
        f"With 'Spend limit' this row cannot be asked: {why}, so its cost has no bound."
    )


def _overspent(spend: Spend, reservation: Decimal) -> OverspentError:
    earlier = f", {shown(spend.earlier)} of it by earlier runs," if spend.earlier else ""
    return OverspentError(
        f"'Spend limit' ({shown(spend.limit)}) has no room for the next call, which may cost {shown(reservation)}:"
        f" {shown(spend.spent)} is spent{earlier} as reckoned from the prices; raise it and run again to go on."
    )
