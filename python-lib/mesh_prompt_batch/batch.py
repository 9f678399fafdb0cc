"""The use case in one screen: every row of a dataset is asked, and written back when all are decided."""

import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractAsyncContextManager, closing, contextmanager
from dataclasses import replace

from mesh_prompt_batch.checkpoint import Checkpoint
from mesh_prompt_batch.completion import Call
from mesh_prompt_batch.failed_rows import planned_failed_rows
from mesh_prompt_batch.output import planned_output
from mesh_prompt_batch.outputs import Outputs
from mesh_prompt_batch.progress import closing_lines
from mesh_prompt_batch.run_parts import (
    Source,
    Workplace,
    checkpoint_of,
    images_and_asking,
    prices_of,
    share_of,
    spend_limit_of,
)
from mesh_prompt_batch.run_report import RunReport
from mesh_prompt_batch.run_store import RunStore
from mesh_prompt_batch.settings import Settings
from mesh_prompt_batch.spending import SpendLimit, spend_lines
from mesh_prompt_batch.spooling import all_asked
from mesh_prompt_batch.totals import Totals
from mesh_prompt_batch.writing import (
    DecidedRows,
    Target,
    failed_rows_unwritten,
    published,
    unwritten,
)

logger = logging.getLogger(__name__)


def complete_dataset(
    source: Source,
    target: Target,
    settings: Settings,
    open_calls: Callable[[], AbstractAsyncContextManager[Call]],
    workplace: Workplace,
    failed_rows: Target | None = None,
) -> Totals:
    """`open_calls` may look for an endpoint and raise EndpointError; it is called when settings have been checked.

    Raises SettingsError before any call, RunStoppedError with the output as it was.
    """
    plan = planned_output(source.schema(), settings)
    outputs = Outputs(plan, target, planned_failed_rows(plan, workplace.run_id), failed_rows)
    outputs.check()
    checkpoint = checkpoint_of(settings, workplace, appends=outputs.appends)
    logger.info(f"Run {workplace.run_id}. Settings: {settings.described()}.")
    totals = Totals()
    prices = prices_of(settings, workplace.list_price)
    calls = open_calls()
    images, asking = images_and_asking(settings, plan.read, calls, workplace, prices, totals)
    report = RunReport(workplace.run_id, settings.shown(), totals, workplace.open_folder)
    # Whoever is told to end while reading leaves the dataset closed.
    rows = closing(_limited(source.chunks(plan.read), settings.output.row_limit))
    with rows as read, RunStore(workplace.directory) as store, report, images, checkpoint:
        asking = replace(
            asking,
            share=share_of(settings, workplace, checkpoint),
            spend=spend_limit_of(settings, prices, checkpoint),
        )
        report.began(store, asking.spend)
        chunks = images.looked_up(read)
        with _summed_up(totals, asking.spend):
            whole = all_asked(chunks, asking, store, checkpoint, totals, settings.run)
            totals.check_at_end(settings.run.failures)
        checkpoint.writing()
        closed = whole and not totals.failed and settings.output.row_limit is None
        decided = DecidedRows(plan, store, asking.request_from_row)
        _write(outputs, decided, totals.rows, checkpoint, closed=closed)
    return totals


@contextmanager
def _summed_up(totals: Totals, spend: SpendLimit | None) -> Iterator[None]:
    """The log's last lines on the calls, however they end."""
    try:
        yield
    finally:
        for line in (*closing_lines(totals), *spend_lines(spend)):
            logger.info(line)


def _write(
    outputs: Outputs, rows: DecidedRows, expected: int, checkpoint: Checkpoint, *, closed: bool
) -> None:
    """The completions stand, whatever comes after them; without the failed rows the job fails all the same.

    Where rows are appended the run folder then says so, or the next run would append the completions twice.
    """
    if not outputs.completions_written(rows, expected):
        raise unwritten(rows.store, in_run_folder=checkpoint.keeps_answers)
    complete = outputs.failed_rows_written(rows)
    if complete or not outputs.appends:
        checkpoint.written(closed=closed and complete)
    published(outputs.completions, rows.tally)
    if not complete:
        raise failed_rows_unwritten()


def _limited(
    chunks: Iterator[list[tuple[str, ...]]], row_limit: int | None
) -> Generator[list[tuple[str, ...]], None, None]:
    left = row_limit
    for chunk in chunks:
        yield chunk[:left]
        if left is not None:
            left -= len(chunk)
            if left <= 0:
                return
