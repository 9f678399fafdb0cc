"""The form of the macro that forecasts, parsed once."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from mesh_prompt_batch import flow_recipe
from mesh_prompt_batch.flow_recipe import chosen_recipe
from mesh_prompt_batch.form import Form, Range

LABELS = {
    **flow_recipe.LABELS,
    "sample_rows": "Sampled rows",
    "calls": "Real calls",
    "fail_above": "Fail above",
}
MOST_SAMPLED, MOST_CALLS = 10_000, 1_000


@dataclass(frozen=True, slots=True)
class ForecastSettings:
    """None: no limit on what is forecast."""

    recipe: str
    sample_rows: int = 200
    calls: int = 0
    fail_above: Decimal | None = None

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> "ForecastSettings":
        """Raises SettingsError for the first setting that cannot work."""
        form = Form(config, LABELS)
        settings = cls(
            chosen_recipe(form),
            form.integer("sample_rows", Range(1, MOST_SAMPLED), 200),
            form.integer("calls", Range(0, MOST_CALLS), 0),
            form.optional_amount("fail_above", Range(0)),
        )
        if settings.calls > settings.sample_rows:
            raise form.refused(
                "calls", f"cannot be more than '{LABELS['sample_rows']}', of which they are made"
            )
        return settings
