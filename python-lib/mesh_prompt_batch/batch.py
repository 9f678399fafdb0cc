"""The use case in one screen: every row of a dataset is asked, and written back when all are decided."""

import itertools
import logging
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

from mesh_prompt_batch.completion import CompletionRequest, Outcome
from mesh_prompt_batch.engine import Asking, Call, Engine
from mesh_prompt_batch.errors import RunStoppedError
from mesh_prompt_batch.messages import request_builder
from mesh_prompt_batch.output import Cell, Column, Decided, OutputPlan, planned_output
from mesh_prompt_batch.process import affordable_concurrency
from mesh_prompt_batch.progress import closing_lines, duration
from mesh_prompt_batch.run_store import RunStore
from mesh_prompt_batch.settings import Settings
from mesh_prompt_batch.totals import Totals

logger = logging.getLogger(__name__)

WRITE_ATTEMPTS = 3


class Source(Protocol):
    """The dataset with the messages."""

    def schema(self) -> Sequence[Column]: ...

    def chunks(self, columns: Sequence[str]) -> Iterator[list[tuple[str, ...]]]:
        """Rows in input order, the cells of `columns` as text."""


class Target(Protocol):
    """The dataset that receives the completions."""

    appends: bool

    def check(self, schema: Sequence[Column]) -> None:
        """Raises SettingsError where `schema` cannot be written to it; touches nothing."""

    def write(self, schema: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> int:
        """Replaces its content, or appends to it, and gives the number of rows written."""


def complete_dataset(
    source: Source,
    target: Target,
    settings: Settings,
    open_calls: Callable[[Settings], AbstractAsyncContextManager[Call]],
    directory: Path,
) -> Totals:
    """`directory` holds the run store while the run lasts.

    `open_calls` may look for an endpoint and raise EndpointError; it is called when everything else has been
    checked. Raises SettingsError before any call, RunStoppedError with the output as it was.
    """
    plan = planned_output(source.schema(), settings)
    target.check(plan.schema)
    logger.info(f"Settings: {settings.described()}.")
    asking = _asking(settings, plan, open_calls(settings))
    totals = Totals()
    with RunStore(directory) as store:
        try:
            with Engine(asking, store, totals) as engine:
                chunks = _limited(source.chunks(plan.read), settings.row_limit)
                _spool(chunks, store, engine, totals)
                engine.wait()
            totals.check_at_end(settings.failures)
        finally:
            for line in closing_lines(totals):
                logger.info(line)
        _write(target, plan, store, totals, directory)
    return totals


def _asking(
    settings: Settings, plan: OutputPlan, calls: AbstractAsyncContextManager[Call]
) -> Asking:
    def outcome_cells(outcome: Outcome, request: CompletionRequest | None) -> list[Cell]:
        return plan.outcome_cells(Decided(outcome, request))

    return Asking(
        calls,
        request_builder(settings, plan.read),
        outcome_cells,
        affordable_concurrency(settings.max_concurrency),
        settings.retry,
        settings.failures,
    )


def _limited(
    chunks: Iterator[list[tuple[str, ...]]], row_limit: int | None
) -> Iterator[list[tuple[str, ...]]]:
    left = row_limit
    for chunk in chunks:
        yield chunk[:left]
        if left is not None:
            left -= len(chunk)
            if left <= 0:
                return


def _spool(
    chunks: Iterator[list[tuple[str, ...]]], store: RunStore, engine: Engine, totals: Totals
) -> None:
    """As fast as the dataset reads: no cursor of a database waits for an LLM, and the input is one snapshot."""
    for chunk in chunks:
        if engine.stopped:
            return
        store.add_rows(totals.rows + 1, chunk)
        totals.rows += len(chunk)
        engine.rows_added()
    totals.all_read = True
    engine.rows_added(all_added=True)
    logger.info(f"Read {totals.rows:,} rows.")


def _write(
    target: Target, plan: OutputPlan, store: RunStore, totals: Totals, directory: Path
) -> None:
    # A writer that failed may have committed rows: in append mode a second attempt could write them twice.
    attempts = 1 if target.appends else WRITE_ATTEMPTS
    started = time.monotonic()
    for attempt in range(1, attempts + 1):
        rows = itertools.starmap(plan.output_row, store.decided_rows())
        try:
            written = target.write(plan.schema, rows)
        except Exception as error:  # noqa: BLE001  # any storage, any error: try again, then say so
            # The type alone: a database quotes the value that it refused.
            logger.warning(
                f"Writing the output failed ({type(error).__name__}), attempt {attempt} of {attempts}."
            )
        else:
            if written != totals.rows:
                raise RunStoppedError(f"{written} rows were written where {totals.rows} were read.")
            logger.info(f"Wrote {written:,} rows in {duration(time.monotonic() - started)}.")
            return
    raise _unwritten(store, directory)


def _unwritten(store: RunStore, directory: Path) -> RunStoppedError:
    kept = directory / f"prompt-batch-{uuid.uuid4().hex[:8]}.sqlite"
    store.keep(kept)
    return RunStoppedError(
        "The output could not be written, though every row was answered: look for the reason at the output's"
        f" connection; all rows and outcomes are kept in the SQLite file {kept}."
    )
