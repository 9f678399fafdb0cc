"""What the macro found, as a table and as the value of a variable."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import reduce
from operator import add

from mesh_prompt_batch.capability_probes import CAPABILITIES
from mesh_prompt_batch.errors import SettingsError
from mesh_prompt_batch.listed_llms import Llm
from mesh_prompt_batch.listing_settings import LABELS
from mesh_prompt_batch.llm_checks import NOT_CHECKED, Effort, Finding
from mesh_prompt_batch.money import added, shown
from mesh_prompt_batch.prices import PriceList
from mesh_prompt_batch.table import Table

MOST_VARIABLE_BYTES = 16_000
_ABOUT = {
    "llm_id": "LLM id",
    "label": "Label",
    "type": "Provider type",
    "connection": "Connection",
    "purposes": "Purposes",
}
_STATUS = {"status": "Status", "latency_seconds": "Latency (seconds)"}
_EFFORT = {"calls": "Calls", "tokens": "Tokens", "cost": "Cost (US dollars, list price)"}


def plain_table(llms: Sequence[Llm]) -> Table:
    return Table(_ABOUT, [_about(it) for it in llms])


def status_table(llms: Sequence[Llm], found: Mapping[str, Finding]) -> Table:
    rows = [[*_about(it), *_status(_of(it, found))] for it in llms]
    return Table(_ABOUT | _STATUS, rows)


def capability_table(llms: Sequence[Llm], found: Mapping[str, Finding], listed: PriceList) -> Table:
    """`listed` gives list prices: what is not recognised has no cost."""
    costs = {it.llm_id: _cost(it.llm_id, _of(it, found).effort, listed) for it in llms}
    rows = []
    for llm in llms:
        one = _of(llm, found)
        verdicts = [one.verdicts.get(it, NOT_CHECKED.status) for it in CAPABILITIES]
        rows.append(
            [*_about(llm), *_status(one), *verdicts, *_spent(one.effort, costs[llm.llm_id])]
        )
    columns = _ABOUT | _STATUS | CAPABILITIES | _EFFORT
    return Table(columns, rows, _total([_of(it, found).effort for it in llms], [*costs.values()]))


def variable_value(llms: Sequence[Llm], found: Mapping[str, Finding]) -> list[dict[str, str]]:
    return [{"id": it.llm_id, "status": _of(it, found).status} for it in llms]


def check_fits_variable(llms: Sequence[Llm]) -> None:
    """Whatever the checks will find. Raises SettingsError: later steps would trust a list that was cut."""
    widest = Finding("authentication (HTTP 401)", answers=False)
    found = dict.fromkeys((it.llm_id for it in llms), widest)
    size = len(json.dumps(variable_value(llms, found)).encode())
    if size > MOST_VARIABLE_BYTES:
        raise SettingsError(
            f"'{LABELS['save_to_variable']}': {len(llms)} LLMs are too many for a variable, which takes"
            f" {MOST_VARIABLE_BYTES // 1000} kB: set '{LABELS['name_filter']}', or use '{LABELS['save_to_dataset']}'."
        )


def _of(llm: Llm, found: Mapping[str, Finding]) -> Finding:
    return found.get(llm.llm_id, NOT_CHECKED)


def _about(llm: Llm) -> list[str]:
    return [llm.llm_id, llm.label, llm.type, llm.connection, ", ".join(llm.purposes)]


def _status(one: Finding) -> list[str]:
    latency = one.latency_seconds
    return [one.status, "" if latency is None else f"{latency:.2f}"]


def _spent(effort: Effort, cost: Decimal | None) -> list[str]:
    if not effort.calls:
        return ["", "", ""]
    tokens = str(effort.tokens) if effort.usage.reported else ""
    return [str(effort.calls), tokens, "" if cost is None else shown(cost)]


def _cost(llm_id: str, effort: Effort, listed: PriceList) -> Decimal | None:
    """None where an answer did not tell its tokens, or no price is known."""
    price = None if effort.silent or not effort.usage.reported else listed(llm_id)
    return None if price is None else price.cost(effort.usage)


def _total(efforts: Sequence[Effort], costs: Sequence[Decimal | None]) -> str:
    whole = reduce(add, efforts, Effort())
    if not whole.calls:
        return ""
    known = [it for it in costs if it is not None]
    told = f"{whole.calls} calls, {whole.tokens} tokens"
    if whole.silent:
        told += f" ({whole.silent} answers did not tell theirs)"
    priced = f"; {shown(reduce(added, known))} US dollars at list prices" if known else ""
    asked = [cost for it, cost in zip(efforts, costs, strict=True) if it.calls]
    unknown = asked.count(None)
    return (
        told + priced + (f"; no cost is known of {unknown} of {len(asked)} LLMs" if unknown else "")
    )
