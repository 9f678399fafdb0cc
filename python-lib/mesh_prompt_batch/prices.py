"""What tokens cost: a price an LLM, stated or from a list of known ones."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from mesh_prompt_batch.money import added, for_tokens, shown
from mesh_prompt_batch.price_settings import PriceSettings
from mesh_prompt_batch.prompt_digest import shown_llm_id
from mesh_prompt_batch.usage import Usage

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Price:
    """Of a million tokens in and out; of a list's, `listed_as` names the model.

    It holds for calls of at most `longest_prompt` tokens: some providers price longer ones otherwise.
    """

    input: Decimal
    output: Decimal
    longest_prompt: int | None = None
    listed_as: str = ""

    def cost(self, usage: Usage) -> Decimal | None:
        """Of one call; None where the tokens are not known, or too many for this price."""
        prompt, completion = usage.prompt_tokens, usage.completion_tokens
        if prompt is None or completion is None:
            return None
        if self.longest_prompt is not None and prompt > self.longest_prompt:
            return None
        return self.of_tokens(prompt, completion)

    def of_tokens(self, prompt: int, completion: int) -> Decimal:
        return added(for_tokens(self.input, prompt), for_tokens(self.output, completion))

    def __str__(self) -> str:
        return f"{shown(self.input)} in, {shown(self.output)} out, a million tokens"


PriceList = Callable[[str], Price | None]


def no_list_price(llm_id: str) -> Price | None:  # noqa: ARG001
    return None


class Prices:
    """The price of each LLM that a run asks, looked up and told once. Used by one thread at a time."""

    def __init__(self, stated: Mapping[str, Price], listed: PriceList) -> None:
        """`listed` gives the list price of an LLM id that it recognises."""
        self._known: dict[str, Price | None] = {**stated}
        self._listed = listed

    def of(self, llm_id: str) -> Price | None:
        if llm_id not in self._known:
            self._known[llm_id] = price = self._listed(llm_id)
            _tell(llm_id, price)
        return self._known[llm_id]

    def priced(self, llm_id: str, usage: Usage) -> Usage:
        """`usage` of one call of that LLM, with its cost where it is known."""
        price = self.of(llm_id) if usage.reported else None
        return usage if price is None else replace(usage, cost=price.cost(usage))


def prices_of_run(settings: PriceSettings, llm_id: str, listed: PriceList) -> Prices:
    """What is stated holds for `llm_id` alone, the recipe's LLM; the list gives what is blank.

    Raises SettingsError where one half is stated and the list does not know the other.
    """
    stated = {} if settings.blank else {llm_id: _completed(settings, llm_id, listed)}
    prices = Prices(stated, listed)
    prices.of(llm_id)
    return prices


def _completed(settings: PriceSettings, llm_id: str, listed: PriceList) -> Price:
    if settings.input is not None and settings.output is not None:
        return Price(settings.input, settings.output)
    known = listed(llm_id)
    if known is None:
        raise settings.half_blank()
    _tell(llm_id, known)
    return replace(
        known,
        input=known.input if settings.input is None else settings.input,
        output=known.output if settings.output is None else settings.output,
    )


def _tell(llm_id: str, price: Price | None) -> None:
    llm = shown_llm_id(llm_id)
    if price is None:
        logger.info(f"No price is known for {llm}: its cost stays blank.")
    else:
        logger.info(
            f"List price assumed for {llm}: {price} (US dollars, listed as '{price.listed_as}'); discounts for"
            " cached tokens are left out."
        )
