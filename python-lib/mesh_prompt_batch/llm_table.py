"""What the macro found, as a table and as the value of a variable."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mesh_prompt_batch.errors import SettingsError
from mesh_prompt_batch.listed_llms import Llm
from mesh_prompt_batch.listing_settings import LABELS
from mesh_prompt_batch.llm_checks import NOT_CHECKED, Availability

MOST_VARIABLE_BYTES = 16_000


@dataclass(frozen=True, slots=True)
class Table:
    """Column labels by id, and rows of texts in that order."""

    columns: Mapping[str, str]
    rows: Sequence[Sequence[str]]


def table(llms: Sequence[Llm], found: Mapping[str, Availability] | None) -> Table:
    """`found` is None where no LLM has a status."""
    columns = {
        "llm_id": "LLM id",
        "label": "Label",
        "type": "Provider type",
        "connection": "Connection",
        "purposes": "Purposes",
    }
    rows = [[it.llm_id, it.label, it.type, it.connection, ", ".join(it.purposes)] for it in llms]
    if found is not None:
        columns |= {"status": "Status", "latency_seconds": "Latency (seconds)"}
        for llm, row in zip(llms, rows, strict=True):
            one = found.get(llm.llm_id, NOT_CHECKED)
            latency = one.latency_seconds
            row += [one.status, "" if latency is None else f"{latency:.2f}"]
    return Table(columns, rows)


def variable_value(llms: Sequence[Llm], found: Mapping[str, Availability]) -> list[dict[str, str]]:
    return [{"id": it.llm_id, "status": found.get(it.llm_id, NOT_CHECKED).status} for it in llms]


def check_fits_variable(llms: Sequence[Llm]) -> None:
    """Whatever the checks will find. Raises SettingsError: later steps would trust a list that was cut."""
    widest = Availability("authentication (HTTP 401)", answers=False)
    found = dict.fromkeys((it.llm_id for it in llms), widest)
    size = len(json.dumps(variable_value(llms, found)).encode())
    if size > MOST_VARIABLE_BYTES:
        raise SettingsError(
            f"'{LABELS['save_to_variable']}': {len(llms)} LLMs are too many for a variable, which takes"
            f" {MOST_VARIABLE_BYTES // 1000} kB: set '{LABELS['name_filter']}', or use '{LABELS['save_to_dataset']}'."
        )
