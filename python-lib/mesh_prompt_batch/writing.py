"""Writes the output once every row is decided, and says what to do where it cannot be written."""

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from mesh_prompt_batch.completion import CompletionRequest, Failure
from mesh_prompt_batch.errors import RequestError, RunStoppedError
from mesh_prompt_batch.outcome_record import outcome_of
from mesh_prompt_batch.output import Cell, Column, Decided, OutputPlan
from mesh_prompt_batch.progress import duration
from mesh_prompt_batch.run_store import RunStore

logger = logging.getLogger(__name__)

WRITE_ATTEMPTS = 3
_NOT_DECIDED = Failure("stopped", "The run stopped before this row was asked.")


class Target(Protocol):
    """The dataset that receives the completions."""

    appends: bool

    def check(self, schema: Sequence[Column]) -> None:
        """Raises SettingsError where `schema` cannot be written to it; touches nothing."""

    def write(self, schema: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> int:
        """Replaces its content, or appends to it, and gives the number of rows written."""


@dataclass(frozen=True, slots=True)
class DecidedRows:
    """Output rows made of what the run store holds, as often as they are asked for."""

    plan: OutputPlan
    store: RunStore
    request_from_row: Callable[[Sequence[str]], CompletionRequest]

    def __iter__(self) -> Iterator[list[Cell]]:
        for _, cells, record, source in self.store.decided_rows():
            outcome = outcome_of(record) if record is not None else _NOT_DECIDED
            yield self.plan.output_row(
                cells, Decided(outcome, source, partial(self._request, cells))
            )

    def _request(self, cells: Sequence[str]) -> CompletionRequest | None:
        try:
            return self.request_from_row(cells)
        except RequestError:
            return None


def written(target: Target, rows: DecidedRows, expected: int) -> bool:
    """Whether the output took all rows, in one of several attempts; `expected` is their number.

    Raises RunStoppedError where the writer took another number of them.
    """
    # A writer that failed may have committed rows: in append mode a second attempt could write them twice.
    attempts = 1 if target.appends else WRITE_ATTEMPTS
    started = time.monotonic()
    for attempt in range(1, attempts + 1):
        try:
            count = target.write(rows.plan.schema, rows)
        except Exception as error:  # noqa: BLE001  # any storage, any error: try again, then say so
            # The type alone: a database quotes the value that it refused.
            logger.warning(
                f"Writing the output failed ({type(error).__name__}), attempt {attempt} of {attempts}."
            )
        else:
            if count != expected:
                raise RunStoppedError(f"{count} rows were written where {expected} were read.")
            logger.info(f"Wrote {count:,} rows in {duration(time.monotonic() - started)}.")
            return True
    return False


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
