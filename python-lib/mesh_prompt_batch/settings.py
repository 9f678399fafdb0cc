"""The recipe's form, parsed once: what the rest of the package works with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from mesh_prompt_batch import (
    format_settings,
    image_settings,
    llm_settings,
    message_settings,
    output_settings,
    price_settings,
    run_settings,
)
from mesh_prompt_batch.errors import SettingsError
from mesh_prompt_batch.form import Form, quoted
from mesh_prompt_batch.format_settings import FormatSettings
from mesh_prompt_batch.image_settings import ImageSettings
from mesh_prompt_batch.llm_settings import LlmSettings
from mesh_prompt_batch.message_settings import MessageSettings
from mesh_prompt_batch.output_settings import OutputSettings
from mesh_prompt_batch.price_settings import PriceSettings
from mesh_prompt_batch.run_settings import RunSettings

LABELS = {
    **llm_settings.LABELS,
    **message_settings.LABELS,
    **format_settings.LABELS,
    **image_settings.LABELS,
    **run_settings.LABELS,
    **price_settings.LABELS,
    **output_settings.LABELS,
}
_MOST_COLUMNS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Settings:
    """One group a concern; a group's module has its labels, defaults and bounds."""

    llm: LlmSettings
    messages: MessageSettings
    format: FormatSettings
    images: ImageSettings
    run: RunSettings
    prices: PriceSettings
    output: OutputSettings

    @classmethod
    def from_config(cls, config: Mapping[str, object], variables: Mapping[str, str]) -> "Settings":
        """Raises SettingsError for the first setting that cannot work.

        `variables` are the project's, for `${name}` in texts.
        """
        form = Form(config, LABELS)
        return cls(
            llm=LlmSettings.from_form(form, variables),
            messages=MessageSettings.from_form(form, variables),
            format=FormatSettings.from_form(form),
            images=ImageSettings.from_form(form),
            run=RunSettings.from_form(form),
            prices=PriceSettings.from_form(form),
            output=OutputSettings.from_form(form),
        )

    def read_columns(self) -> set[str]:
        """Names of the columns whose cells make a row's request."""
        chosen = (
            *self.messages.chosen_columns(),
            *self.images.chosen_columns(),
            *self.llm.chosen_columns(),
        )
        return {name for _, name in chosen if name}

    def check_columns(self, columns: Sequence[str]) -> None:
        """Raises SettingsError where a chosen column is not among the input's `columns`."""
        for group in (self.messages, self.images, self.llm, self.output):
            for parameter, name in group.chosen_columns():
                if name and name not in columns:
                    raise _no_such_column(LABELS[parameter], name, columns)

    def described(self) -> str:
        """One line for the log."""
        return "; ".join(f"{name}: {value}" for name, value in self.shown().items())

    def shown(self) -> dict[str, object]:
        """By name: of prompts no more than that they changed, and there is no credential among settings."""
        groups = (
            self.llm,
            self.messages,
            self.images,
            self.format,
            self.run,
            self.prices,
            self.output,
        )
        return {name: it for group in groups for name, it in group.described().items()}


def _no_such_column(label: str, name: str, columns: Sequence[str]) -> SettingsError:
    # Wide inputs have hundreds of columns, and a template may have anything between its braces.
    there = ", ".join(columns[:_MOST_COLUMNS_SHOWN])
    more = len(columns) - _MOST_COLUMNS_SHOWN
    near = " or ".join(f"'{it}'" for it in _nearest(name, columns))
    perhaps = f", perhaps {near}" if near else ""
    return SettingsError(
        f"'{label}': the input has no column {quoted(name)}"
        f"{perhaps}; it has {there}{f' and {more} more' if more > 0 else ''}."
    )


def _nearest(name: str, columns: Sequence[str]) -> list[str]:
    """Up to three columns whose names are much like it, in whatever case."""
    by_folded = {column.casefold(): column for column in columns}
    return [by_folded[it] for it in get_close_matches(name.casefold(), by_folded)]
