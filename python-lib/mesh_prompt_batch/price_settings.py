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
}
# Above it, a price was meant for something else than a million tokens.
HIGHEST_PRICE = 1_000_000


@dataclass(frozen=True, slots=True)
class PriceSettings:
    """None: blank."""

    input: Decimal | None
    output: Decimal | None

    @classmethod
    def from_form(cls, form: Form) -> "PriceSettings":
        return cls(
            _price(form, "price_per_million_input_tokens"),
            _price(form, "price_per_million_output_tokens"),
        )

    @property
    def blank(self) -> bool:
        return self.input is None and self.output is None

    def half_blank(self) -> SettingsError:
        """For a model whose other half is not known either."""
        stated, blank = LABELS.values() if self.output is None else reversed(LABELS.values())
        return SettingsError(
            f"'{blank}' is blank and no list price is known for this LLM: fill it in (0 where it costs nothing),"
            f" or clear '{stated}' too."
        )

    def described(self) -> Mapping[str, object]:
        return {
            "price of a million input tokens": _described(self.input),
            "price of a million output tokens": _described(self.output),
        }


def _price(form: Form, name: str) -> Decimal | None:
    number = form.optional_number(name, Range(0, HIGHEST_PRICE), None)
    # The shortest text that gives this number is what was typed: 0.15, not 0.1499999….
    return None if number is None else Decimal(repr(number))


def _described(price: Decimal | None) -> str:
    return "list price" if price is None else shown(price)
