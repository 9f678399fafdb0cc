"""Writes the outputs once every row is decided, and says what to do where one cannot be written."""

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from mesh_prompt_batch.completion import Completion, CompletionRequest, Failure
from mesh_prompt_batch.errors import RequestError, RunStoppedError
from mesh_prompt_batch.eta import duration
from mesh_prompt_batch.failed_rows import FailedRowsPlan
from mesh_prompt_batch.outcome_record import UnreadableAnswerError, outcome_of
from mesh_prompt_batch.output import Cell, Column, Decided, OutputPlan
from mesh_prompt_batch.run_store import DecidedRow, RunStore
from mesh_prompt_batch.spent import Spent

logger = logging.getLogger(__name__)

WRITE_ATTEMPTS = 3
_NOT_DECIDED = Failure("stopped", "The run stopped before this row was asked.")


class Target(Protocol):
    """A dataset that receives rows."""

    appends: bool

    def check(self, schema: Sequence[Column]) -> None:
        """Raises SettingsError where `schema` cannot be written to it; touches nothing."""

    def write(self, schema: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> int:
        """Replaces its content, or appends to it, and gives the number of rows written."""

    def publish(self, metrics: Mapping[str, float]) -> None:
        """Shows these figures beside it, to checks and dashboards."""


@dataclass(slots=True)
class Tally:
    """Sums over rows that were written: what their cells add up to."""

    rows: int = 0
    failed: int = 0
    spent: Spent = field(default_factory=Spent)

    def add(self, decided: Decided) -> None:
        answered = isinstance(decided.outcome, Completion)
        self.rows += 1
        self.failed += not answered
        if decided.source != "identical":
            self.spent.add(decided.outcome.usage, answered=answered)

    def described(self) -> str:
        parts = [f"{self.rows:,} rows", f"{self.failed:,} failed", *self.spent.described()]
        return ", ".join([*parts, *self.spent.per_thousand(self.rows)])

    def metrics(self) -> dict[str, float]:
        """Without what is not known: tokens that nobody counted, a cost that is not known of every answer."""
        known: dict[str, float] = {
            "prompt_batch_rows": self.rows,
            "prompt_batch_failed": self.failed,
        }
        if self.spent.usage.reported:
            known["prompt_batch_tokens"] = self.spent.tokens
        if self.spent.cost is not None and not self.spent.unpriced:
            known["prompt_batch_cost"] = float(self.spent.cost)
        return known


class DecidedRows:
    """Rows of the outputs made of what the run store holds, as often as they are asked for."""

    def __init__(
        self,
        plan: OutputPlan,
        store: RunStore,
        request_from_row: Callable[[Sequence[str]], CompletionRequest],
    ) -> None:
        self._plan = plan
        self.store = store
        self._request_from_row = request_from_row
        self.tally = Tally()

    def __iter__(self) -> Iterator[list[Cell]]:
        """Every row; when it ends, `tally` has its sums."""
        tally = Tally()
        for row in self.store.decided_rows():
            decided = self._decided(row)
            tally.add(decided)
            yield self._plan.output_row(row.cells, decided)
        self.tally = tally

    def failed(self, plan: FailedRowsPlan) -> Iterator[list[Cell]]:
        """The rows without an answer."""
        for row in self.store.failed_rows():
            yield plan.output_row(row.number, row.cells, self._decided(row))

    def _decided(self, row: DecidedRow) -> Decided:
        outcome = outcome_of(row.record) if row.record is not None else _NOT_DECIDED
        return Decided(outcome, row.source, partial(self._request, row.cells))

    def _request(self, cells: Sequence[str]) -> CompletionRequest | None:
        try:
            return self._request_from_row(cells)
        except RequestError:
            return None


@dataclass(frozen=True, slots=True)
class Content:
    """What goes into one dataset: `rows` begins anew each time, and gives `expected` of them."""

    name: str
    schema: Sequence[Column]
    rows: Callable[[], Iterable[Sequence[Cell]]]
    expected: int


def written(target: Target, content: Content) -> bool:
    """Whether the dataset took all rows, in one of several attempts.

    Raises RunStoppedError where the writer took another number of them.
    """
    # A writer that failed may have committed rows: in append mode a second attempt could write them twice.
    attempts = 1 if target.appends else WRITE_ATTEMPTS
    started = time.monotonic()
    for attempt in range(1, attempts + 1):
        try:
            count = target.write(content.schema, content.rows())
        except UnreadableAnswerError:
            raise
        except Exception as error:  # noqa: BLE001  # any storage, any error: try again, then say so
            # The type alone: a database quotes the value that it refused.
            logger.warning(
                f"Writing the {content.name} failed ({type(error).__name__}), attempt {attempt} of {attempts}."
            )
        else:
            if count != content.expected:
                raise RunStoppedError(
                    f"Of {content.expected} rows {count} were written to the {content.name}."
                )
            took = duration(time.monotonic() - started)
            logger.info(f"Wrote the {content.name}, {count:,} rows, in {took}.")
            return True
    return False


def published(target: Target, tally: Tally) -> None:
    """Tells the sums, in the log and as metrics; where those cannot be published, the run is as good without."""
    logger.info(f"Output: {tally.described()}.")
    try:
        target.publish(tally.metrics())
    except Exception as error:  # noqa: BLE001  # whatever it is, the output is there
        logger.warning(
            f"The counts could not be published as metrics of the output ({type(error).__name__}); the output is whole."
        )


def unwritten(store: RunStore, *, in_run_folder: bool) -> RunStoppedError:
    """What to do about it; without a run folder the rows are kept on local disk."""
    if in_run_folder:
        return RunStoppedError(
            "The output could not be written, though every row was decided: look for the reason at the output's"
            " connection and run again; all answers are in the run folder, none is paid twice."
        )
    kept = store.directory / f"prompt-batch-{uuid.uuid4().hex[:8]}.sqlite"
    store.keep(kept)
    return RunStoppedError(
        "The output could not be written, though every row was answered: look for the reason at the output's"
        f" connection; all rows and outcomes are kept in the SQLite file {kept}."
    )


def failed_rows_unwritten() -> RunStoppedError:
    return RunStoppedError(
        "The completions are written and stand, but the failed rows could not be written: look for the reason at the"
        " connection of the output 'Failed rows' and run again, or take that output off the recipe."
    )
