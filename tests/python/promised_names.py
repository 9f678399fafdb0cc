"""The names that users see or type, gathered from descriptors and code: what documents may name, and what they must."""

import dataclasses
import inspect
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

from descriptors import DESCRIPTORS, Descriptor, parameters, roles
from mesh_prompt_batch.client import MeshClient
from mesh_prompt_batch.completion import Completion
from mesh_prompt_batch.errors import CallError, ErrorType, TransientError
from mesh_prompt_batch.failed_rows import planned_failed_rows
from mesh_prompt_batch.forecast import forecast
from mesh_prompt_batch.forecasting import Forecast
from mesh_prompt_batch.llm_table import capability_table
from mesh_prompt_batch.output import COLUMNS, planned_output
from mesh_prompt_batch.settings import Settings
from mesh_prompt_batch.spark_endpoint import KEYS
from mesh_prompt_batch.streaming import TextStream
from mesh_prompt_batch.usage import Usage
from mesh_prompt_batch.writing import Tally

OUTPUT_COLUMNS = {it.name for it in COLUMNS}
ERROR_TYPES = {*get_args(ErrorType)}


def _failed_columns() -> set[str]:
    form = {"llm_id": "a", "user_column": "b", "columns_to_keep": ["b"]}
    plan = planned_output([{"name": "b", "type": "string"}], Settings.from_config(form, {}))
    return {str(it["name"]) for it in planned_failed_rows(plan, "").schema[1:]}


def _metrics() -> set[str]:
    tally = Tally()
    tally.spent.usage = Usage(1, 1)
    tally.spent.cost = Decimal(1)
    return {*tally.metrics()}


FAILED_COLUMNS, METRICS = _failed_columns(), _metrics()
LISTING_COLUMNS = capability_table([], {}, lambda _: None).columns


def labels() -> set[str]:
    """What the forms call things. Documents may leave out a unit in brackets, and how a choice explains itself."""
    whole = {label for it in DESCRIPTORS.values() for label in _labels(it)}
    return whole | {it.partition(" (")[0] for it in whole}


def _labels(descriptor: Descriptor) -> Iterator[str]:
    yield descriptor["meta"]["label"]
    yield from (it["label"] for it in (*roles(descriptor), *descriptor["params"]))
    for param in parameters(descriptor):
        yield from (it["label"] for it in param.get("subParams", []))
        for choice in param.get("selectChoices", []):
            yield choice["label"]
            yield choice["label"].partition(":")[0].partition(",")[0]


def _typed(descriptor: Descriptor) -> Iterator[str]:
    """What stands in a recipe's or a macro's settings."""
    yield from (it["name"] for it in roles(descriptor))
    for param in parameters(descriptor):
        yield param["name"]
        yield from (it["name"] for it in param.get("subParams", []))
        yield from (str(it["value"]) for it in param.get("selectChoices", []))


def _of_the_library() -> Iterator[str]:
    functions = (MeshClient.__init__, MeshClient.complete, MeshClient.list_llms, forecast)
    for function in (*functions, CallError.__init__, TransientError.__init__):
        yield from inspect.signature(function).parameters
    yield from KEYS
    yield from (it for it in dir(MeshClient) if not it.startswith("_"))
    yield from (it for it in dir(TextStream) if not it.startswith("_"))
    for value in (Completion, Usage, Forecast):
        yield from (it.name for it in dataclasses.fields(value))


def names() -> set[str]:
    """Parameters, choices, roles, columns, errors, metrics, components, and the Python library's own."""
    typed = {name for it in DESCRIPTORS.values() for name in _typed(it)}
    components = {Path(it).parent.name for it in DESCRIPTORS} | {"mesh_prompt_batch"}
    columns = OUTPUT_COLUMNS | FAILED_COLUMNS | {*LISTING_COLUMNS}
    return typed | components | columns | ERROR_TYPES | METRICS | {*_of_the_library()}


def takes(param: Mapping[str, Any]) -> str:
    """What may be filled in, in words, as docs/settings.md has it."""
    choices = ", ".join(f"`{it['value']}`" for it in param.get("selectChoices", []))
    return {
        "BOOLEAN": "`true`, `false`",
        "COLUMN": "a column",
        "COLUMNS": "columns",
        "DATASET": "a dataset",
        "DOUBLE": f"a number{_bounds(param, 'D')}",
        "INT": f"a whole number{_bounds(param, 'I')}",
        "LLM": "an LLM id",
        "MULTISELECT": f"some of {choices}",
        "OBJECT_LIST": " and ".join(f"`{it['name']}`" for it in param.get("subParams", [])),
        "PASSWORD": "a text, kept encrypted",
        "SELECT": choices or "a recipe",
        "STRING": "a text",
        "STRINGS": "texts",
        "TEXTAREA": "a text of several lines",
    }[param["type"]]


def _bounds(param: Mapping[str, Any], kind: str) -> str:
    least, most = param.get(f"min{kind}"), param.get(f"max{kind}")
    if least is None or most is None:
        return "" if least is None else f", {least} or more"
    return f", {least} to {most}"


def lines_of_settings(descriptor: Descriptor) -> Iterator[str]:
    """The lines of its fields and roles in docs/settings.md."""
    for param in parameters(descriptor):
        default = param.get("defaultValue")
        stands = "blank" if default is None else f"`{json.dumps(default)}`".replace('"', "")
        yield f"| *{param['label']}* | `{param['name']}` | {stands} | {takes(param)} |"
    for side in ("input", "output"):
        for role in descriptor.get(f"{side}Roles", []):
            kind = "dataset" if role["acceptsDataset"] else "managed folder"
            needed = "needed |" if role["required"] else "|"
            yield f"| *{role['label']}* | `{role['name']}` | {side} {kind} | {needed}"
