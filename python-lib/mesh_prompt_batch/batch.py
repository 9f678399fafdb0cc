"""The use case in one screen: every row of a dataset is asked, and written back when all are decided."""

import logging
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    closing,
    contextmanager,
)
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from mesh_prompt_batch.answering import complete_in_format
from mesh_prompt_batch.checkpoint import Checkpoint, FolderCheckpoint, NoCheckpoint, Reuse
from mesh_prompt_batch.completion import CompletionRequest
from mesh_prompt_batch.engine import Asking, Call, Engine
from mesh_prompt_batch.errors import CleanStopError, SettingsError
from mesh_prompt_batch.failed_rows import planned_failed_rows
from mesh_prompt_batch.image_reader import ImageFolder
from mesh_prompt_batch.images import RunImages
from mesh_prompt_batch.messages import request_builder
from mesh_prompt_batch.output import Column, planned_output
from mesh_prompt_batch.outputs import Outputs
from mesh_prompt_batch.own_limits import UNSHARED, Share
from mesh_prompt_batch.priced_calls import priced_calls
from mesh_prompt_batch.prices import PriceList, Prices, no_list_price, prices_of_run
from mesh_prompt_batch.process import affordable_concurrency, garbage_seldom_collected
from mesh_prompt_batch.progress import closing_lines
from mesh_prompt_batch.rows import Rows
from mesh_prompt_batch.run_folder import RunFolder
from mesh_prompt_batch.run_id import new_run_id
from mesh_prompt_batch.run_report import RunReport
from mesh_prompt_batch.run_store import RunStore
from mesh_prompt_batch.settings import LABELS, Settings
from mesh_prompt_batch.share_keeper import NOT_SHARED, ShareKeeper
from mesh_prompt_batch.spend_rules import check_spend_limit
from mesh_prompt_batch.spending import SpendLimit, spend_lines
from mesh_prompt_batch.totals import Totals
from mesh_prompt_batch.writing import (
    DecidedRows,
    Target,
    failed_rows_unwritten,
    published,
    unwritten,
)

logger = logging.getLogger(__name__)


class Source(Protocol):
    """The dataset with the messages."""

    def schema(self) -> Sequence[Column]: ...

    def chunks(self, columns: Sequence[str]) -> Iterator[list[tuple[str, ...]]]:
        """Rows in input order, the cells of `columns` as text."""


@dataclass(frozen=True, slots=True)
class Workplace:
    """`directory` holds the run store while the run lasts; `open_folder` gives each thread its way to the run folder.

    `open_folder` is None where the recipe has no run folder, `open_images` where it has no folder with images;
    `list_price` gives the list price of the LLMs it knows. `partition`: the one that is written, "" where the output
    has none.
    """

    directory: Path
    open_folder: Callable[[], RunFolder] | None = None
    sleep: Callable[[float], object] = time.sleep
    open_images: Callable[[], ImageFolder] | None = None
    list_price: PriceList = no_list_price
    run_id: str = field(default_factory=new_run_id)
    partition: str = ""


def complete_dataset(
    source: Source,
    target: Target,
    settings: Settings,
    open_calls: Callable[[Settings], AbstractAsyncContextManager[Call]],
    workplace: Workplace,
    failed_rows: Target | None = None,
) -> Totals:
    """`open_calls` may look for an endpoint and raise EndpointError; it is called when settings have been checked.

    Raises SettingsError before any call, RunStoppedError with the output as it was.
    """
    plan = planned_output(source.schema(), settings)
    outputs = Outputs(plan, target, planned_failed_rows(plan, workplace.run_id), failed_rows)
    outputs.check()
    checkpoint = _checkpoint(settings, workplace, appends=outputs.appends)
    logger.info(f"Run {workplace.run_id}. Settings: {settings.described()}.")
    totals = Totals()
    prices = prices_of_run(settings.prices, settings.llm.llm_id, workplace.list_price)
    check_spend_limit(settings, prices)
    request_from_row = request_builder(settings, plan.read)
    images = images_of(settings, plan.read, workplace)
    calls = priced_calls(images.sending(open_calls(settings)), prices, totals)
    asking = asking_of(settings, request_from_row, calls, _share(settings, workplace, checkpoint))
    report = RunReport(workplace.run_id, settings.shown(), totals, workplace.open_folder)
    # Whoever is told to end while reading leaves the dataset closed.
    rows = closing(_limited(source.chunks(plan.read), settings.output.row_limit))
    with rows as read, RunStore(workplace.directory) as store, report, images, checkpoint:
        asking = replace(asking, spend=spend_limit_of(settings, prices, checkpoint))
        report.began(store, asking.spend)
        chunks = images.looked_up(read)
        with _summed_up(totals, asking.spend):
            whole = all_asked(chunks, asking, store, checkpoint, totals, settings)
            totals.check_at_end(settings.run.failures)
        checkpoint.writing()
        closed = whole and not totals.failed and settings.output.row_limit is None
        decided = DecidedRows(plan, store, request_from_row)
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


def all_asked(  # one step of the use case above
    chunks: Iterator[list[tuple[str, ...]]],
    asking: Asking,
    store: RunStore,
    checkpoint: Checkpoint,
    totals: Totals,
    settings: Settings,
) -> bool:
    """Whether every row is decided; False where a limit ended the run and what is answered is to be published."""
    with (
        garbage_seldom_collected(),
        Engine(asking, store, totals, checkpoint.recorded) as engine,
    ):
        checkpoint.load(store, engine.stop)
        rows = Rows(asking.request_from_row, store, identical_once=settings.run.identical_once)
        _spool(chunks, rows, engine, totals, settings)
        return _every_row_decided(engine, totals, settings)


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


def _every_row_decided(engine: Engine, totals: Totals, settings: Settings) -> bool:
    """Or a limit ended the run, and what is answered is to be published."""
    try:
        engine.wait()
    except CleanStopError as error:
        why = str(error).rstrip(".")
        if not settings.run.publishes_when_stopped or not totals.completed + totals.resumed:
            raise CleanStopError(f"{why}; {totals.unpublished()}.") from None
        sentence = f"{why}; {totals.so_far()}."
        totals.stopped_by = sentence
        logger.warning(f"THE RUN STOPPED AND ITS OUTPUT IS NOT COMPLETE. {sentence}")
        return False
    return True


def _checkpoint(settings: Settings, workplace: Workplace, *, appends: bool) -> Checkpoint:
    """Raises SettingsError where answers are to be reused and there is no place for them."""
    if workplace.open_folder is None:
        if settings.run.reuse_completions == "always":
            raise SettingsError(
                f"'{LABELS['reuse_completions']}' is always: add a managed folder as 'Run folder' to the recipe's"
                " outputs, which holds the answers."
            )
        logger.info(
            "No run folder among the outputs: after a crash the next run pays every call again."
        )
        return NoCheckpoint()
    if settings.run.reuse_completions == "never":
        return NoCheckpoint()
    reuse = Reuse(settings.run.reuse_completions == "always", settings.run.keep_answers_days)
    return FolderCheckpoint(
        workplace.open_folder,
        reuse,
        workplace.directory,
        appends=appends,
        sleep=workplace.sleep,
    )


def images_of(settings: Settings, columns: Sequence[str], workplace: Workplace) -> RunImages:
    column = settings.images.column
    position = columns.index(column) if column else None
    return RunImages(position, workplace.open_images, workplace.sleep)


def spend_limit_of(settings: Settings, prices: Prices, checkpoint: Checkpoint) -> SpendLimit | None:
    limit = settings.prices.spend_limit
    if limit is None:
        return None
    return SpendLimit(checkpoint.open_spend(limit), prices, checkpoint.record_spend)


def _share(
    settings: Settings, workplace: Workplace, checkpoint: Checkpoint
) -> AbstractContextManager[Share]:
    """Without partitions nobody else has a part of the limits."""
    if not workplace.partition or not settings.run.limits.are_a_minute:
        return UNSHARED
    if workplace.open_folder is None:
        logger.warning(NOT_SHARED)
        return UNSHARED
    # Whoever keeps its answers there is the only run of its partition.
    replaces = checkpoint.keeps_answers
    return ShareKeeper(workplace.open_folder, workplace.partition, replaces=replaces)


def asking_of(
    settings: Settings,
    request_from_row: Callable[[Sequence[str]], CompletionRequest],
    calls: AbstractAsyncContextManager[Call],
    share: AbstractContextManager[Share] = UNSHARED,
) -> Asking:
    return Asking(
        calls,
        request_from_row,
        settings.run.retry,
        settings.run.failures,
        replace(
            settings.run.limits,
            max_concurrency=affordable_concurrency(settings.run.limits.max_concurrency),
        ),
        settings.llm.llm_ids,
        settings.llm.fallback_llm_id,
        None if settings.run.time_limit_minutes is None else 60.0 * settings.run.time_limit_minutes,
        answering=lambda complete, request: complete_in_format(complete, request, settings.format),
        share=share,
    )


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


def _spool(
    chunks: Iterator[list[tuple[str, ...]]],
    rows: Rows,
    engine: Engine,
    totals: Totals,
    settings: Settings,
) -> None:
    """As fast as the dataset reads: no cursor of a database waits for an LLM, and the input is one snapshot."""
    try:
        for chunk in chunks:
            if engine.stopped and not settings.run.publishes_when_stopped:
                return
            reused = rows.add(totals.rows + 1, chunk)
            totals.rows += len(chunk)
            totals.resumed += reused.resumed
            totals.identical += reused.identical
            engine.rows_added(rows.llm_ids)
        totals.all_read = True
        engine.rows_added(rows.llm_ids, all_added=True)
    finally:
        logger.info(
            f"Read {totals.rows:,} rows: resuming {totals.resumed:,} answers, {totals.identical:,} identical rows,"
            f" {totals.rows - totals.resumed - totals.identical:,} to ask."
        )
