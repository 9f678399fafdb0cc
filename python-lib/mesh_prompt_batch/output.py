"""The output dataset: its columns, their descriptions, and an outcome's cells."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mesh_prompt_batch.completion import Completion, CompletionRequest, Outcome
from mesh_prompt_batch.format_settings import FormatSettings
from mesh_prompt_batch.image_parts import shortened
from mesh_prompt_batch.property_columns import PropertyColumn
from mesh_prompt_batch.settings import Settings
from mesh_prompt_batch.storable import storable
from mesh_prompt_batch.usage import Usage

Cell = str | int | float | None
Column = Mapping[str, object]
LONGEST_ERROR_MESSAGE = 1_000
_SETS = {"essential": 0, "standard": 1, "full": 2}


@dataclass(frozen=True, slots=True)
class Decided:
    """All that a row's output cells are made of.

    `source`: `call` of this run, `resumed` from an earlier one, or `identical` to another row. `request` makes the
    row's request again, or None where the row could not be asked.
    """

    outcome: Outcome
    source: str
    request: Callable[[], CompletionRequest | None]

    @property
    def attempts(self) -> int:
        """Calls that this run made for the row."""
        return self.outcome.attempts if self.source == "call" else 0


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """`name` and `type` are a promise to users; `smallest_set` the least `output_columns` that has the column."""

    name: str
    type: str
    smallest_set: str
    description: str
    cell: Callable[[Decided], Cell]


def _answered(read: Callable[[Completion], Cell]) -> Callable[[Decided], Cell]:
    def cell(decided: Decided) -> Cell:
        outcome = decided.outcome
        answer = outcome if isinstance(outcome, Completion) else outcome.answer
        return read(answer) if answer is not None else None

    return cell


def error_type(decided: Decided) -> Cell:
    return None if isinstance(decided.outcome, Completion) else storable(decided.outcome.error_type)


def error_message(decided: Decided) -> Cell:
    if isinstance(decided.outcome, Completion):
        return None
    return storable(decided.outcome.message[:LONGEST_ERROR_MESSAGE])


def _tokens(read: Callable[[Usage], int | None]) -> Callable[[Decided], Cell]:
    """Of a copy nothing was paid."""
    return lambda decided: 0 if decided.source == "identical" else read(decided.outcome.usage)


def _cost(decided: Decided) -> Cell:
    """The nearest floating-point number to the exact sum; of a copy nothing was paid."""
    cost = decided.outcome.usage.cost
    return None if cost is None else 0.0 if decided.source == "identical" else float(cost)


def _messages_sent(decided: Decided) -> Cell:
    request = decided.request()
    return json.dumps(shortened(request.messages)) if request else None


def _first_token(completion: Completion) -> Cell:
    seconds = completion.time_to_first_token_seconds
    return None if seconds is None else round(seconds, 3)


COLUMNS = (
    ColumnSpec(
        "completion",
        "string",
        "essential",
        "What the LLM answered; when the row failed, blank or the answer that is not in the form asked for.",
        _answered(lambda it: storable(it.text)),
    ),
    ColumnSpec(
        "error_type",
        "string",
        "essential",
        "Why the row failed, in one word; blank when it succeeded.",
        error_type,
    ),
    ColumnSpec(
        "error_message",
        "string",
        "essential",
        "Why the row failed, in the provider's own words.",
        error_message,
    ),
    ColumnSpec(
        "finish_reason",
        "string",
        "standard",
        "Why the LLM stopped: 'stop' is a whole answer, 'length' one cut off by max tokens.",
        _answered(lambda it: storable(it.finish_reason or "") or None),
    ),
    ColumnSpec(
        "prompt_tokens",
        "bigint",
        "standard",
        "Tokens of the messages, as the provider counted them; blank where it did not.",
        _tokens(lambda usage: usage.prompt_tokens),
    ),
    ColumnSpec(
        "completion_tokens",
        "bigint",
        "standard",
        "Tokens of the answer, as the provider counted them; blank where it did not.",
        _tokens(lambda usage: usage.completion_tokens),
    ),
    ColumnSpec(
        "cost",
        "double",
        "standard",
        "What the row's calls cost, by their tokens; 0 for a copy, blank where no price or no token count is known.",
        _cost,
    ),
    ColumnSpec(
        "latency_seconds",
        "double",
        "standard",
        "How long the call that answered took, in seconds.",
        _answered(lambda it: round(it.latency_seconds, 3)),
    ),
    ColumnSpec(
        "attempts",
        "bigint",
        "standard",
        "Calls that this run made for this row: 0 where the answer was there already.",
        lambda it: it.attempts,
    ),
    ColumnSpec(
        "answered_by",
        "string",
        "standard",
        "Id of the LLM that answered.",
        _answered(lambda it: storable(it.llm_id)),
    ),
    ColumnSpec(
        "source",
        "string",
        "full",
        "A 'call' of this run, 'resumed' from an earlier run, or copied from an 'identical' row.",
        lambda it: it.source,
    ),
    ColumnSpec(
        "time_to_first_token_seconds",
        "double",
        "full",
        "Seconds until the first piece of a streamed answer; blank without streaming.",
        _answered(_first_token),
    ),
    ColumnSpec(
        "messages_sent",
        "string",
        "full",
        "The messages as they were sent, as JSON; of an image its type, size and digest instead of its bytes.",
        _messages_sent,
    ),
    ColumnSpec(
        "raw_response",
        "string",
        "full",
        "The answer as it was received, as JSON.",
        _answered(lambda it: json.dumps(it.raw)),
    ),
)


@dataclass(frozen=True, slots=True)
class OutputPlan:
    """What the output will hold, known before the first call.

    `schema` has the kept input columns as the input describes them, then ours; `read` names the input columns a run
    needs, `kept` gives the positions in `read` of those that go along. Last come the properties of a JSON schema.
    """

    schema: tuple[Column, ...]
    read: tuple[str, ...]
    kept: tuple[int, ...]
    specs: tuple[ColumnSpec, ...]
    format: FormatSettings

    def output_row(self, row: Sequence[str], decided: Decided) -> list[Cell]:
        kept: list[Cell] = [row[position] for position in self.kept]
        return kept + [spec.cell(decided) for spec in self.specs] + self._properties(decided)

    def _properties(self, decided: Decided) -> list[Cell]:
        if isinstance(decided.outcome, Completion) and self.format.columns:
            return self.format.cells(decided.outcome.text)
        return [None] * len(self.format.columns)


def planned_output(input_schema: Sequence[Column], settings: Settings) -> OutputPlan:
    """Raises SettingsError where a chosen column is not in the input."""
    names = [str(column["name"]) for column in input_schema]
    settings.check_columns(names)
    chosen = settings.output.columns_to_keep or names
    kept = [name for name in names if name in chosen]
    used = {*kept, *settings.read_columns()}
    read = tuple(name for name in names if name in used)
    wanted = _SETS[settings.output.output_columns]
    specs = tuple(spec for spec in COLUMNS if _SETS[spec.smallest_set] <= wanted)
    added: tuple[ColumnSpec | PropertyColumn, ...] = (*specs, *settings.format.columns)
    ours = unique_names([it.name for it in added], taken=kept)
    schema = [column for column in input_schema if column["name"] in kept]
    for it, name in zip(added, ours, strict=True):
        schema.append({"name": name, "type": it.type, "comment": it.description})
    positions = tuple(read.index(name) for name in kept)
    return OutputPlan(tuple(schema), read, positions, specs, settings.format)


def unique_names(names: Sequence[str], taken: Sequence[str]) -> list[str]:
    """`names` with `_1`, `_2` … where one is taken already, ignoring case as SQL databases do."""
    seen = {name.casefold() for name in taken}
    unique = []
    for name in names:
        candidate, suffix = name, 0
        while candidate.casefold() in seen:
            suffix += 1
            candidate = f"{name}_{suffix}"
        seen.add(candidate.casefold())
        unique.append(candidate)
    return unique
