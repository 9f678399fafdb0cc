"""The macro: which LLMs there are, on request what they do, and the table put where later steps find it."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mesh_prompt_batch.ceilings import Ceilings
from mesh_prompt_batch.errors import PromptBatchError, SettingsError
from mesh_prompt_batch.listed_llms import ListLlms, Llm, in_order, is_plain_llm, merged_by_id
from mesh_prompt_batch.listing_settings import COMPLETION, LABELS, ListingSettings
from mesh_prompt_batch.llm_checks import (
    AVAILABILITY_CHECK,
    LLMS_AT_ONCE,
    MISSING,
    NOT_ALLOWED,
    Finding,
    OpenCalls,
    check,
)
from mesh_prompt_batch.llm_table import (
    capability_table,
    check_fits_variable,
    plain_table,
    status_table,
    variable_value,
)
from mesh_prompt_batch.prices import PriceList
from mesh_prompt_batch.probing import CAPABILITY_CHECK
from mesh_prompt_batch.table import Table

logger = logging.getLogger(__name__)


class TableDataset(Protocol):
    """A dataset that receives the table."""

    def schema(self) -> Sequence[Mapping[str, object]]: ...

    def write(
        self, schema: Sequence[Mapping[str, object]], rows: Sequence[Sequence[str]]
    ) -> int: ...


@dataclass(frozen=True, slots=True)
class Doors:
    """What the macro reaches in DSS.

    `list_llms` gives the items of a purpose; `open_calls` is called only where LLMs are asked; `open_dataset` raises
    SettingsError for one that may not be written, and is called before any LLM is asked.
    """

    list_llms: ListLlms
    open_calls: OpenCalls
    save_variable: Callable[[str, object], None]
    open_dataset: Callable[[str], TableDataset]
    ceilings: Ceilings
    list_price: PriceList
    progress: Callable[[int], None]


def listing(doors: Doors, settings: ListingSettings) -> Table:
    """The table, saved where the settings say so.

    Raises PromptBatchError, and that after saving, where a required LLM is missing or does not answer.
    """
    required = settings.required_llm_ids
    doors.ceilings.check_llms(LABELS["required_llm_ids"], required)
    dataset = _opened(doors, settings.save_to_dataset)
    listed = merged_by_id(doors.list_llms, settings.purposes)
    known = {it.llm_id for it in listed}
    missing = [Llm(llm_id) for llm_id in required if llm_id not in known]
    shown = in_order([*(it for it in listed if it.matches(settings.name_filter)), *missing])
    if settings.save_to_variable:
        check_fits_variable(shown)
    found = _found(doors, settings, listed, shown)
    found |= {it.llm_id: MISSING for it in missing}
    made = _table(shown, found, settings, doors.list_price)
    if made.title:
        logger.info(f"{made.title}.")
    if dataset is not None:
        dataset.write([{"name": it, "type": "string"} for it in made.columns], made.rows)
    if settings.save_to_variable:
        doors.save_variable(settings.save_to_variable, variable_value(shown, found))
    _require(required, found)
    return made


def _opened(doors: Doors, name: str) -> TableDataset | None:
    """Raises SettingsError where the dataset holds something else: whoever chose it would lose it."""
    if not name:
        return None
    dataset = doors.open_dataset(name)
    columns = [str(it["name"]) for it in dataset.schema()]
    if columns and columns[0] != "llm_id":
        raise SettingsError(
            f"'{LABELS['save_to_dataset']}': {name} has other columns than this macro's and would lose its rows;"
            " choose a dataset that is new or that the macro filled."
        )
    return dataset


def _table(
    llms: Sequence[Llm],
    found: Mapping[str, Finding],
    settings: ListingSettings,
    list_price: PriceList,
) -> Table:
    """Its columns follow from the settings alone, so that a dataset keeps them."""
    if settings.probe_capabilities:
        return capability_table(llms, found, list_price)
    if settings.check_availability or settings.required_llm_ids:
        return status_table(llms, found)
    return plain_table(llms)


def _found(
    doors: Doors, settings: ListingSettings, listed: Sequence[Llm], shown: Sequence[Llm]
) -> dict[str, Finding]:
    if not settings.asks:
        return {}
    wanted = [it for it in listed if _is_asked(it, shown, settings.required_llm_ids)]
    asked = [it.llm_id for it in wanted if doors.ceilings.allows(it.llm_id)]
    found = dict.fromkeys((it.llm_id for it in wanted), NOT_ALLOWED)
    examination = CAPABILITY_CHECK if settings.probe_capabilities else AVAILABILITY_CHECK
    at_once = doors.ceilings.calls_at_once(LLMS_AT_ONCE)
    return found | check(asked, examination, doors.open_calls, doors.progress, at_once)


def _is_asked(llm: Llm, shown: Sequence[Llm], required: Sequence[str]) -> bool:
    """Agents and retrieval LLMs only where somebody named them."""
    if COMPLETION not in llm.purposes:
        return False
    return llm.llm_id in required or (llm in shown and is_plain_llm(llm.llm_id))


def _require(required: Sequence[str], found: Mapping[str, Finding]) -> None:
    missing = [it for it in required if found.get(it) == MISSING]
    silent = [
        f"{it} ({found[it].status})"
        for it in required
        if it in found and it not in missing and not found[it].answers
    ]
    no_answer = f"Required LLMs do not answer: {', '.join(silent)}." if silent else ""
    if missing:
        unlisted = (
            f"'{LABELS['required_llm_ids']}': the LLM Mesh does not list {', '.join(missing)}"
            " for you in this project and for the purposes chosen."
        )
        raise SettingsError(f"{unlisted} {no_answer}".rstrip())
    if no_answer:
        raise PromptBatchError(no_answer)
