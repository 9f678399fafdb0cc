"""What a run is made of, by the recipe's form and the place where it works."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from mesh_prompt_batch.answering import complete_in_format
from mesh_prompt_batch.checkpoint import Checkpoint, FolderCheckpoint, NoCheckpoint, Reuse
from mesh_prompt_batch.completion import Call, CompletionRequest
from mesh_prompt_batch.engine import Asking
from mesh_prompt_batch.errors import SettingsError
from mesh_prompt_batch.image_reader import ImageFolder
from mesh_prompt_batch.images import RunImages
from mesh_prompt_batch.messages import request_builder
from mesh_prompt_batch.output import Column
from mesh_prompt_batch.own_limits import UNSHARED, Share
from mesh_prompt_batch.priced_calls import priced_calls
from mesh_prompt_batch.prices import PriceList, Prices, no_list_price, prices_of_run
from mesh_prompt_batch.process import affordable_concurrency
from mesh_prompt_batch.run_folder import RunFolder
from mesh_prompt_batch.run_id import new_run_id
from mesh_prompt_batch.settings import LABELS, Settings
from mesh_prompt_batch.share_keeper import NOT_SHARED, ShareKeeper
from mesh_prompt_batch.spend_rules import check_spend_limit
from mesh_prompt_batch.spending import SpendLimit
from mesh_prompt_batch.totals import Totals
from mesh_prompt_batch.unkept_run import UnkeptRun

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
    `sleep` waits before images are asked for again. `list_price` gives the list price of the LLMs it knows.
    `partition`: the one that is written, "" where the output has none.
    """

    directory: Path
    open_folder: Callable[[], RunFolder] | None = None
    sleep: Callable[[float], object] = time.sleep
    open_images: Callable[[], ImageFolder] | None = None
    list_price: PriceList = no_list_price
    run_id: str = field(default_factory=new_run_id)
    partition: str = ""


def checkpoint_of(settings: Settings, workplace: Workplace, *, appends: bool) -> Checkpoint:
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
        return UnkeptRun(workplace.open_folder, appends=appends)
    reuse = Reuse(settings.run.reuse_completions == "always", settings.run.keep_answers_days)
    return FolderCheckpoint(workplace.open_folder, reuse, workplace.directory, appends=appends)


def prices_of(settings: Settings, list_price: PriceList) -> Prices:
    """Raises SettingsError where the recipe's are half stated, or its spend limit cannot be held."""
    prices = prices_of_run(settings.prices, settings.llm.llm_id, list_price)
    check_spend_limit(settings, prices)
    return prices


def run_images(settings: Settings, columns: Sequence[str], workplace: Workplace) -> RunImages:
    column = settings.images.column
    position = columns.index(column) if column else None
    return RunImages(position, workplace.open_images, workplace.sleep)


def spend_limit_of(settings: Settings, prices: Prices, checkpoint: Checkpoint) -> SpendLimit | None:
    limit = settings.prices.spend_limit
    if limit is None:
        return None
    return SpendLimit(checkpoint.open_spend(limit), prices, checkpoint.record_spend)


def share_of(
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


def images_and_asking(
    settings: Settings,
    columns: Sequence[str],
    calls: AbstractAsyncContextManager[Call],
    workplace: Workplace,
    prices: Prices,
    totals: Totals,
) -> tuple[RunImages, Asking]:
    """How rows with the cells of `columns` are asked, by `calls`, without a spend limit and with limits all its own.

    The images are to be entered before rows are asked, and look at the rows first.
    """
    images = run_images(settings, columns, workplace)
    calls = priced_calls(images.sending(calls), prices, totals)
    return images, asking_of(settings, request_builder(settings, columns), calls)


def asking_of(
    settings: Settings,
    request_from_row: Callable[[Sequence[str]], CompletionRequest],
    calls: AbstractAsyncContextManager[Call],
) -> Asking:
    return Asking(
        calls,
        request_from_row,
        lambda complete, request: complete_in_format(complete, request, settings.format),
        settings.run.retry,
        settings.run.failures,
        replace(
            settings.run.limits,
            max_concurrency=affordable_concurrency(settings.run.limits.max_concurrency),
        ),
        settings.llm.llm_ids,
        settings.llm.fallback_llm_id,
        None if settings.run.time_limit_minutes is None else 60.0 * settings.run.time_limit_minutes,
    )
