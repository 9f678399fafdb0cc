"""Asks some rows of a recipe outside its runs, as its runs would: no output is touched, nothing is kept."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

from mesh_prompt_batch.checkpoint import NoCheckpoint
from mesh_prompt_batch.completion import Call, CompletionRequest, Outcome
from mesh_prompt_batch.engine import Asking
from mesh_prompt_batch.errors import CleanStopError, RequestError
from mesh_prompt_batch.messages import request_builder
from mesh_prompt_batch.outcome_record import outcome_of
from mesh_prompt_batch.prices import Prices
from mesh_prompt_batch.run_parts import (
    Source,
    Workplace,
    images_and_asking,
    prices_of,
    run_images,
    spend_limit_of,
)
from mesh_prompt_batch.run_settings import FailureLimits
from mesh_prompt_batch.run_store import DecidedRow, RunStore
from mesh_prompt_batch.settings import Settings
from mesh_prompt_batch.spooling import ask_rows
from mesh_prompt_batch.totals import Totals

Row = tuple[str, ...]


class InputRows(Source, Protocol):
    """The recipe's input."""

    def random_rows(self, columns: Sequence[str], number: int) -> list[Row]:
        """So many from anywhere in the dataset, or all where there are fewer."""

    def last_row_count(self) -> int | None:
        """As Dataiku counted last; None where it never did."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A recipe's settings, input and ways; `open_calls` as `complete_dataset` has it."""

    recipe: str
    source: InputRows
    settings: Settings
    open_calls: Callable[[], AbstractAsyncContextManager[Call]]
    workplace: Workplace

    def prices(self) -> Prices:
        """Raises SettingsError where the recipe's are half stated, or its spend limit cannot be held."""
        return prices_of(self.settings, self.workplace.list_price)

    def columns(self) -> tuple[str, ...]:
        """Those whose cells make requests, in the input's order. Raises SettingsError where one is missing."""
        names = [str(column["name"]) for column in self.source.schema()]
        self.settings.check_columns(names)
        read = self.settings.read_columns()
        # A template may name no column at all: rows are counted by their cells.
        return tuple(name for name in names if name in read) or tuple(names[:1])

    def rows(self, most: int | None) -> Iterator[Row]:
        """The first so many, or all; behind the last the dataset is closed, before any LLM is asked."""
        chunks = self.source.chunks(self.columns())
        yield from islice((row for chunk in chunks for row in chunk), most)


@dataclass(frozen=True, slots=True)
class AskedRow:
    """`request` is None where none can be made of the row, `outcome` None where a limit came before it."""

    request: CompletionRequest | None
    outcome: Outcome | None
    source: str


@dataclass(frozen=True, slots=True)
class Asked:
    """`stopped`: the sentence of the limit that ended it, "" where none did."""

    rows: Sequence[AskedRow]
    totals: Totals
    stopped: str


def built(rows: Sequence[Row], inquiry: Inquiry) -> list[CompletionRequest | RequestError]:
    """The requests of rows, or why there is none; nothing is sent."""
    columns = inquiry.columns()
    request_from_row = request_builder(inquiry.settings, columns)

    def request(row: Row) -> CompletionRequest | RequestError:
        try:
            return request_from_row(row)
        except RequestError as error:
            return error

    with run_images(inquiry.settings, columns, inquiry.workplace) as images:
        return [request(row) for chunk in images.looked_up(iter([[*rows]])) for row in chunk]


def asked(rows: Sequence[Row], inquiry: Inquiry, prices: Prices) -> Asked:
    """Rows with the cells of the inquiry's columns. Failed rows are no error here, whatever the recipe says.

    Raises RunStoppedError where no LLM is left that could answer.
    """
    settings, columns = inquiry.settings, inquiry.columns()
    # Where a limit ends it, the rows that it left are told too.
    run = replace(settings.run, failures=FailureLimits(), publishes_when_stopped=True)
    settings = replace(settings, run=run)
    totals, workplace, checkpoint = Totals(), inquiry.workplace, NoCheckpoint()
    calls = inquiry.open_calls()
    images, asking = images_and_asking(settings, columns, calls, workplace, prices, totals)
    asking = replace(asking, spend=spend_limit_of(settings, prices, checkpoint))
    stopped = ""
    with RunStore(workplace.directory) as store, images:
        chunks = images.looked_up(iter([[*rows]]))
        try:
            ask_rows(chunks, asking, store, checkpoint, totals, run)
        except CleanStopError as error:
            stopped = str(error)
        decided = [_asked_row(it, asking) for it in store.decided_rows()]
    return Asked(decided, totals, stopped)


def _asked_row(decided: DecidedRow, asking: Asking) -> AskedRow:
    outcome = None if decided.record is None else outcome_of(decided.record)
    try:
        request = asking.request_from_row(decided.cells)
    except RequestError:
        return AskedRow(None, outcome, decided.source)
    return AskedRow(request, outcome, decided.source)
