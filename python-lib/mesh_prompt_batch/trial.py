"""The macro's use case: the first rows of a recipe's input, asked and shown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mesh_prompt_batch import flow_recipe
from mesh_prompt_batch.flow_recipe import chosen_recipe
from mesh_prompt_batch.form import Form, Range
from mesh_prompt_batch.inquiry import Inquiry, asked
from mesh_prompt_batch.trial_page import trial_page

LABELS = {**flow_recipe.LABELS, "rows": "Rows"}
MOST_ROWS = 100
READ, WHOLE = 10, 100


@dataclass(frozen=True, slots=True)
class TrialSettings:
    """The macro's form, parsed once."""

    recipe: str
    rows: int

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> "TrialSettings":
        """Raises SettingsError for the first setting that cannot work."""
        form = Form(config, LABELS)
        return cls(chosen_recipe(form), form.integer("rows", Range(1, MOST_ROWS), 5))


def trial(inquiry: Inquiry, rows: int, progress: Callable[[int], None]) -> str:
    """HTML; `progress` gets the share that is done, in percent. Raises SettingsError before any call."""
    prices = inquiry.prices()
    first = [*inquiry.rows(rows)]
    progress(READ)
    page = trial_page(inquiry.recipe, inquiry.settings, asked(first, inquiry, prices))
    progress(WHOLE)
    return page
