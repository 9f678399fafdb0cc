"""The dataset of failed rows: its columns, and a row's cells."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mesh_prompt_batch.output import (
    Cell,
    Column,
    Decided,
    OutputPlan,
    error_message,
    error_type,
    unique_names,
)
from mesh_prompt_batch.storable import storable


@dataclass(frozen=True, slots=True)
class FailedRow:
    """`number` counts the input's rows from 1."""

    decided: Decided
    number: int
    run_id: str


@dataclass(frozen=True, slots=True)
class _Spec:
    """`name` and `type` are a promise to users."""

    name: str
    type: str
    description: str
    cell: Callable[[FailedRow], Cell]


def _llm_id(failed: FailedRow) -> Cell:
    request = failed.decided.request()
    return storable(request.llm_id) if request else None


_SPECS = (
    _Spec(
        "error_type",
        "string",
        "Why the row failed, in one word.",
        lambda it: error_type(it.decided),
    ),
    _Spec(
        "error_message",
        "string",
        "Why the row failed, in the provider's own words.",
        lambda it: error_message(it.decided),
    ),
    _Spec(
        "attempts",
        "bigint",
        "Calls that the run made for this row.",
        lambda it: it.decided.attempts,
    ),
    _Spec(
        "llm_id", "string", "Id of the LLM that the row asks; blank where it asks none.", _llm_id
    ),
    _Spec("row_number", "bigint", "Place of the row in the input, from 1.", lambda it: it.number),
    _Spec(
        "run_id", "string", "The run in which it failed, as its log names it.", lambda it: it.run_id
    ),
)


@dataclass(frozen=True, slots=True)
class FailedRowsPlan:
    """`schema` has the kept input columns as the input describes them, then ours."""

    schema: tuple[Column, ...]
    kept: tuple[int, ...]
    run_id: str

    def output_row(self, number: int, row: Sequence[str], decided: Decided) -> list[Cell]:
        failed = FailedRow(decided, number, self.run_id)
        kept: list[Cell] = [row[position] for position in self.kept]
        return kept + [spec.cell(failed) for spec in _SPECS]


def planned_failed_rows(plan: OutputPlan, run_id: str) -> FailedRowsPlan:
    """Of the input's columns those that go along into the completions too."""
    kept = plan.schema[: len(plan.kept)]
    names = unique_names([it.name for it in _SPECS], taken=[str(it["name"]) for it in kept])
    ours = [
        {"name": name, "type": it.type, "comment": it.description}
        for it, name in zip(_SPECS, names, strict=True)
    ]
    return FailedRowsPlan((*kept, *ours), plan.kept, run_id)
