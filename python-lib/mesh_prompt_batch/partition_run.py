"""The use case of one Spark task: the rows of a partition are asked, and given back in order when all are decided.

Spark may start a task again, a second time beside the first, or once for each action. Such attempts have one place in
the run folder: one works while the others wait, and each begins with what those before it answered.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from mesh_prompt_batch.attempts import AttemptCheckpoint, OwnRows
from mesh_prompt_batch.checkpoint import Reuse
from mesh_prompt_batch.completion import Call, CompletionRequest
from mesh_prompt_batch.errors import RequestError
from mesh_prompt_batch.fingerprint import fingerprint
from mesh_prompt_batch.image_reader import ImageFolder
from mesh_prompt_batch.output import Cell, planned_output
from mesh_prompt_batch.own_limits import UNSHARED, Share
from mesh_prompt_batch.prices import PriceList, no_list_price
from mesh_prompt_batch.row_index import IndexName
from mesh_prompt_batch.run_folder import SHARED_EPOCH, RunFolder
from mesh_prompt_batch.run_parts import Source, Workplace, images_and_asking, prices_of
from mesh_prompt_batch.run_store import RunStore
from mesh_prompt_batch.settings import Settings
from mesh_prompt_batch.share_keeper import ShareKeeper
from mesh_prompt_batch.spooling import all_asked
from mesh_prompt_batch.totals import ROWS_BEFORE_JUDGING, Totals
from mesh_prompt_batch.writing import DecidedRows


@dataclass(frozen=True, slots=True)
class Task:
    """`rows` names the rows, whoever asks them, and `marks` has a number a row; see `partition_content.py`.

    `started`: when the run was asked for, in seconds since 1970.
    """

    directory: Path
    open_folder: Callable[[], RunFolder]
    rows: IndexName
    marks: Sequence[int]
    started: float
    open_images: Callable[[], ImageFolder] | None = None
    list_price: PriceList = no_list_price
    sleep: Callable[[float], object] = time.sleep


def complete_partition(
    source: Source,
    settings: Settings,
    open_calls: Callable[[], AbstractAsyncContextManager[Call]],
    task: Task,
) -> Iterator[Sequence[Cell]]:
    """The cells of our columns, row by row, once every row is decided.

    Raises RunStoppedError with nothing given; then the next attempt finds what was answered.
    """
    # The input's columns never come here: Spark keeps them.
    plan = replace(planned_output(source.schema(), settings), kept=())
    totals = Totals()
    prices = prices_of(settings, task.list_price)
    workplace = Workplace(task.directory, sleep=task.sleep, open_images=task.open_images)
    calls = open_calls()
    images, asking = images_and_asking(settings, plan.read, calls, workplace, prices, totals)
    asking = replace(
        asking,
        share=_share(settings, task),
        time_used_seconds=time.time() - task.started,
    )

    def keys() -> set[bytes]:
        return _keys(images.looked_up(source.chunks(plan.read)), asking.request_from_row)

    with RunStore(task.directory) as store:
        with images, _checkpoint(settings, task, keys) as checkpoint:
            chunks = images.looked_up(source.chunks(plan.read))
            all_asked(chunks, asking, store, checkpoint, totals, settings.run)
            # Rows of one partition may be too few to judge a job by.
            if totals.decided >= ROWS_BEFORE_JUDGING:
                totals.check_at_end(settings.run.failures)
            checkpoint.written(closed=True)
        yield from DecidedRows(plan, store, asking.request_from_row)


def _keys(
    chunks: Iterator[list[tuple[str, ...]]],
    request_from_row: Callable[[Sequence[str]], CompletionRequest],
) -> set[bytes]:
    found = set()
    for chunk in chunks:
        for row in chunk:
            with contextlib.suppress(RequestError):
                found.add(fingerprint(request_from_row(row)))
    return found


def _checkpoint(
    settings: Settings, task: Task, keys: Callable[[], set[bytes]]
) -> AttemptCheckpoint:
    """Nobody tells a task whether the job before it was finished: what is there is taken, or nothing is."""
    epoch = task.rows.run if settings.run.reuse_completions == "never" else SHARED_EPOCH
    reuse = Reuse(keep_days=settings.run.keep_answers_days)
    # Twins are counted within a partition: in another one the same twin is another row.
    own = OwnRows(task.rows, task.marks, keys if settings.run.identical_once else None)
    return AttemptCheckpoint(task.open_folder, reuse, task.directory, own, epoch)


def _share(settings: Settings, task: Task) -> AbstractContextManager[Share]:
    """Of the tasks that run now: each is a process, and how many of them an executor has at once may change."""
    if not settings.run.limits.are_a_minute:
        return UNSHARED
    return ShareKeeper(task.open_folder, task.rows.place, replaces=True)
