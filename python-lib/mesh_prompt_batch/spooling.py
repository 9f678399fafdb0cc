"""The rows of the input go into the run store as fast as they are read, while those that are there are asked."""

import logging
from collections.abc import Iterator

from mesh_prompt_batch.checkpoint import Checkpoint
from mesh_prompt_batch.engine import Asking, Engine
from mesh_prompt_batch.errors import CleanStopError
from mesh_prompt_batch.process import garbage_seldom_collected
from mesh_prompt_batch.rows import Rows
from mesh_prompt_batch.run_settings import RunSettings
from mesh_prompt_batch.run_store import RunStore
from mesh_prompt_batch.totals import Totals

logger = logging.getLogger(__name__)


def all_asked(
    chunks: Iterator[list[tuple[str, ...]]],
    asking: Asking,
    store: RunStore,
    checkpoint: Checkpoint,
    totals: Totals,
    run: RunSettings,
) -> bool:
    """Whether every row is decided; False where a limit ended the run and what is answered is to be published."""
    try:
        with garbage_seldom_collected():
            ask_rows(chunks, asking, store, checkpoint, totals, run)
    except CleanStopError as error:
        why = str(error).rstrip(".")
        if not run.publishes_when_stopped or not totals.completed + totals.resumed:
            raise CleanStopError(f"{why}; {totals.unpublished()}.") from None
        sentence = f"{why}; {totals.so_far()}."
        totals.stopped_by = sentence
        logger.warning(f"THE RUN STOPPED AND ITS OUTPUT IS NOT COMPLETE. {sentence}")
        return False
    return True


def ask_rows(
    chunks: Iterator[list[tuple[str, ...]]],
    asking: Asking,
    store: RunStore,
    checkpoint: Checkpoint,
    totals: Totals,
    run: RunSettings,
) -> None:
    """Until every row is decided. Raises RunStoppedError when that ended before, CleanStopError because of a limit."""
    with Engine(asking, store, totals, checkpoint.recorded) as engine:
        checkpoint.load(store, engine.stop)
        rows = Rows(asking.request_from_row, store, identical_once=run.identical_once)
        _spool(chunks, rows, engine, totals, even_if_stopped=run.publishes_when_stopped)
        engine.wait()


def _spool(
    chunks: Iterator[list[tuple[str, ...]]],
    rows: Rows,
    engine: Engine,
    totals: Totals,
    *,
    even_if_stopped: bool,
) -> None:
    """As fast as the dataset reads: no cursor of a database waits for an LLM, and the input is one snapshot."""
    try:
        for chunk in chunks:
            if engine.stopped and not even_if_stopped:
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
