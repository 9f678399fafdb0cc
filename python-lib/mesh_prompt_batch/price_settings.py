"""What a million tokens cost, where the recipe states it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from mesh_prompt_batch.errors import SettingsError
from mesh_prompt_batch.form import Form, Range
from mesh_prompt_batch.money import shown

LABELS = {
    "price_per_million_input_tokens": "Price of a million input tokens",
    "price_per_million_output_tokens": "Price of a million output tokens",
    "spend_limit": "Spend limit",
    "partitions_of_a_build": "Partitions of a build",
}
# Above it, a price was meant for something else than a million tokens.
HIGHEST_PRICE = 1_000_000


@dataclass(frozen=True, slots=True)
class PriceSettings:
    """None: blank; no `spend_limit`: none. It is that of all `partitions` together, where the output has any."""

    input: Decimal | None
    output: Decimal | None
    spend_limit: Decimal | None = None
    partitions: int | None = None

    @classmethod
    def from_form(cls, form: Form) -> "PriceSettings":
        return cls(
            _price(form, "price_per_million_input_tokens"),
            _price(form, "price_per_million_output_tokens"),
            form.optional_amount("spend_limit", Range(0)),
            form.optional_integer("partitions_of_a_build", Range(1), None),
        )

    @property
    def blank(self) -> bool:
        return self.input is None and self.output is None

    def half_blank(self) -> SettingsError:
        """For a model whose other half is not known either."""
        labels = (
            LABELS["price_per_million_input_tokens"],
            LABELS["price_per_million_output_tokens"],
        )
        stated, blank = labels if self.output is None else reversed(labels)
        return SettingsError(
            f"'{blank}' is blank and no list price is known for this LLM: fill it in (0 where it costs nothing),"
            f" or clear '{stated}' too."
        )

    def described(self) -> Mapping[str, object]:
        return {
            "price of a million input tokens": _described(self.input),
            "price of a million output tokens": _described(self.output),
            "spend limit": "none" if self.spend_limit is None else shown(self.spend_limit),
            "partitions of a build": self.partitions or "not stated",
        }


def _price(form: Form, name: str) -> Decimal | None:
    return form.optional_amount(name, Range(0, HIGHEST_PRICE))


def _described(price: Decimal | None) -> str:
    return "list price" if price is None else shown(price)
