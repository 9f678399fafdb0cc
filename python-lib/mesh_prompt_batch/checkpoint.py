"""What a run leaves in its run folder, and what the next one takes from there."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from mesh_prompt_batch.errors import RunStoppedError
from mesh_prompt_batch.found_answers import load_answers
from mesh_prompt_batch.last_run import ANOTHER_RUN, state_of_ended_run
from mesh_prompt_batch.money import added
from mesh_prompt_batch.ownership import Ownership, second_to
from mesh_prompt_batch.part_list import PartList
from mesh_prompt_batch.range_file import RangeFile
from mesh_prompt_batch.run_folder import (
    ANSWERS,
    RunFolder,
    answers_folder,
    epoch_of,
    new_epoch,
    newest_epoch,
    tell_strays,
)
from mesh_prompt_batch.run_state import ASKING, CLOSED, WRITING, RunState
from mesh_prompt_batch.run_store import RunStore
from mesh_prompt_batch.saver import Saved, Saver
from mesh_prompt_batch.spend import NOTHING, Spend
from mesh_prompt_batch.spend_marks import SPENT, Mark, newest_mark

if TYPE_CHECKING:
    from typing_extensions import Self

logger = logging.getLogger(__name__)

_SECONDS_OF_A_DAY = 86_400


class Checkpoint(Protocol):
    """From entering to leaving, what the run answers is kept; leaving it with an error keeps it for the next run."""

    def __enter__(self) -> "Self": ...

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    @property
    def keeps_answers(self) -> bool:
        """Whether another run finds them."""

    def load(self, store: RunStore, failed: Callable[[RunStoppedError], None]) -> int:
        """Put into `store` what earlier runs answered; gives the number of answers.

        `failed` is called, from another thread, when answers can no longer be saved.
        """

    def recorded(self) -> None:
        """There are outcomes in the store that may need saving."""

    def open_spend(self, limit: Decimal) -> Spend:
        """What this run may spend, less what the runs spent that it resumes."""

    def record_spend(self, total: Decimal, recorded: Callable[[], None]) -> None:
        """So much may be spent from now on; `recorded` is called, from any thread, when a later run would find that."""

    def writing(self) -> None:
        """Every row is decided: save what is left; from here on the output is written."""

    def written(self, *, closed: bool) -> None:
        """The output is there. Unless the run is `closed`, the next one resumes it."""


class NoCheckpoint:
    """Nothing is kept."""

    keeps_answers = False

    def __enter__(self) -> "Self":
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass

    def load(self, store: RunStore, failed: Callable[[RunStoppedError], None]) -> int:  # noqa: ARG002
        store.all_answers_added()
        return 0

    def recorded(self) -> None:
        pass

    def open_spend(self, limit: Decimal) -> Spend:
        return Spend(limit)

    def record_spend(self, total: Decimal, recorded: Callable[[], None]) -> None:  # noqa: ARG002
        recorded()

    def writing(self) -> None:
        pass

    def written(self, *, closed: bool) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Reuse:
    """What is taken from earlier runs: of an unfinished one alone, or `always`; nothing older than `keep_days`."""

    always: bool = False
    keep_days: int = 30

    def oldest(self) -> float:
        """Answers from before that moment are not taken; seconds since 1970."""
        return time.time() - self.keep_days * _SECONDS_OF_A_DAY


class FolderCheckpoint:
    """Saves into a managed folder. `open_folder` is called in each thread that uses it."""

    keeps_answers = True
    # Whether a run that ends well makes as few objects of its answers as can be.
    packs = False

    def __init__(
        self,
        open_folder: Callable[[], RunFolder],
        reuse: Reuse,
        directory: Path,
        *,
        appends: bool,
    ) -> None:
        """`appends`: the output does, so that writing it twice would double its rows."""
        self._open_folder = open_folder
        self._reuse = reuse
        self._appends = appends
        self._directory = directory
        self._saved: Saved | None = None
        self._saver: Saver | None = None
        self._ownership: Ownership
        self._last_is_closed: bool
        self._spend: Spend | None = None
        self._mark = Mark()

    def __enter__(self) -> "Self":
        """Claims the folder. Raises RunStoppedError where another run of the recipe lives, or storage fails."""
        self._folder = self._open_folder()
        self._ownership = Ownership(self._folder, self._open_folder)
        self._take_place()
        return self

    def _take_place(self) -> None:
        if not self._claimed(state_of_ended_run(self._folder, appends=self._appends)):
            raise RunStoppedError(ANOTHER_RUN)

    def load(self, store: RunStore, failed: Callable[[RunStoppedError], None]) -> int:
        self._saved = saved = Saved(RangeFile(self._directory), PartList())
        prefix = f"{answers_folder(self._state.epoch)}{self._state.owner}-"
        self._saver = Saver(self._open_folder, prefix, store, saved, failed)
        self._saver.start()
        self._ownership.start_beating(lambda: saved.count, failed)
        everything = self._folder.names_below(ANSWERS, SPENT)
        names = [it for it in everything if it.startswith(ANSWERS) and self._is_ours(it)]
        found = load_answers(self._folder, names, store, saved, self._reuse.oldest())
        found.tell(self._state.saved)
        groups = saved.parts.groups_of_found(rewrite=found.must_be_rewritten)
        tell_strays(self._folder, [it for it in everything if not epoch_of(it)])
        forgotten = [it for it in everything if epoch_of(it) and not self._is_ours(it)]
        self._saver.tidy(groups, forgotten)
        return found.answers

    def recorded(self) -> None:
        if self._saver is not None:
            self._saver.recorded()

    def open_spend(self, limit: Decimal) -> Spend:
        self._mark = newest_mark(filter(self._is_ours, self._folder.names_below(SPENT)))
        self._spend = Spend(limit, NOTHING if self._last_is_closed else self._mark.total)
        return self._spend

    def record_spend(self, total: Decimal, recorded: Callable[[], None]) -> None:
        self._mark = self._mark.next(total)
        if self._saver is not None:
            self._saver.write_mark(self._mark.name(self._state.epoch), recorded)

    def writing(self) -> None:
        self._turn_to(WRITING)

    def written(self, *, closed: bool) -> None:
        # At once: whoever is told to end while tidying up has written all the same.
        self._turn_to(CLOSED if closed else ASKING)

    def _turn_to(self, phase: str) -> None:
        if self._saver is not None:
            self._saver.save_all()
            self._ownership.turn_to(phase)

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            with second_to(error):
                self._finish(tidy=error is None)
        finally:
            if self._saved is not None:
                self._saved.ranges.close()

    def _finish(self, *, tidy: bool) -> None:
        saver, self._saver = self._saver, None
        try:
            if saver is not None:
                self._finish_saving(saver, tidy=tidy)
        finally:
            self._ownership.stop_beating()
        # Else its owner goes on, in the same place.
        if self._ownership.holds():
            self._settle()
            self._ownership.release(self._state.saved if self._saved is None else self._saved.count)

    def _finish_saving(self, saver: Saver, *, tidy: bool) -> None:
        try:
            saver.finish(tidy=tidy, pack=self.packs)
        except RunStoppedError:
            if unsaved := saver.unsaved:
                logger.error(  # noqa: TRY400  # a sentence, no traceback
                    f"{unsaved:,} answers of this run are not saved: the next run pays them again."
                )
            raise

    def _settle(self) -> None:
        """What was granted and not spent is free again."""
        if self._spend is None:
            return
        settled = self._mark.next(added(self._spend.spent, self._spend.reserved))
        name = settled.name(self._state.epoch)
        self._folder.write_mark(name)
        for earlier in self._folder.names_below(SPENT):
            if earlier != name and epoch_of(earlier):
                self._folder.delete(earlier)

    def _is_ours(self, name: str) -> bool:
        return epoch_of(name) == self._state.epoch

    @property
    def _state(self) -> RunState:
        return self._ownership.state

    def _claimed(self, last: RunState | None) -> bool:
        epoch = self._epoch_to_go_on(last) or new_epoch()
        saved = last.saved if last is not None and last.epoch == epoch else 0
        self._last_is_closed = last is not None and last.phase == CLOSED
        return self._ownership.claim(epoch, saved=saved)

    def _epoch_to_go_on(self, last: RunState | None) -> str:
        """The last run's, or "" to start afresh."""
        if last is not None:
            return "" if last.phase == CLOSED and not self._reuse.always else last.epoch
        epoch = newest_epoch(self._folder)
        if epoch:
            logger.warning(
                "The run folder does not say how the last run ended: going on with its newest answers."
            )
        return epoch
