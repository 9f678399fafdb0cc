"""Which LLM a row asks, with which parameters: the recipe's, or the row's own where its cells say so."""

from collections.abc import Callable, Mapping, Sequence

from mesh_prompt_batch.errors import SettingsError, invalid_row
from mesh_prompt_batch.form import Form
from mesh_prompt_batch.llm_settings import TEMPERATURES, TOKENS, LlmSettings

Row = Sequence[str]
RowLlm = tuple[str, Mapping[str, object]]


def row_llm(settings: LlmSettings, columns: Sequence[str]) -> Callable[[Row], RowLlm]:
    """A function from a row's cells, in the order of `columns`, to its LLM id and its parameters.

    The function raises RequestError (`invalid_row`) for a value that cannot be sent.
    """
    chosen = {parameter: name for parameter, name in settings.chosen_columns() if name}
    if not chosen:
        return lambda _: (settings.llm_id, settings.parameters)
    places = {parameter: columns.index(name) for parameter, name in chosen.items()}

    def of_row(row: Row) -> RowLlm:
        # A cell is read as a field of the form is, under the column's name.
        form = Form({parameter: row[at] for parameter, at in places.items()}, chosen)
        try:
            own = {
                "temperature": form.optional_number("temperature_column", TEMPERATURES, None),
                "max_tokens": form.optional_integer("max_tokens_column", TOKENS, None),
            }
            llm_id = form.text("llm_id_column").strip() or settings.llm_id
            _check_allowed(llm_id, settings)
        except SettingsError as error:
            raise invalid_row(str(error)) from None
        said = {name: value for name, value in own.items() if value is not None}
        return llm_id, {**settings.parameters, **said}

    return of_row


def _check_allowed(llm_id: str, settings: LlmSettings) -> None:
    if settings.allowed_llm_ids and llm_id not in settings.allowed_llm_ids:
        raise invalid_row(f"The plugin's admins do not allow the LLM '{llm_id}'.")
