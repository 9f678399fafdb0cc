"""The thread that saves answers into the run folder while the run goes on."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from mesh_prompt_batch.answer_block import MOST_CHARACTERS, SavedAnswer, encoded
from mesh_prompt_batch.errors import RunStoppedError
from mesh_prompt_batch.part_list import MergeSize, Part, PartList
from mesh_prompt_batch.range_file import RangeFile
from mesh_prompt_batch.run_folder import RunFolder
from mesh_prompt_batch.run_store import RunStore

logger = logging.getLogger(__name__)

SHORTEST_INTERVAL_SECONDS = 0.2
LONGEST_INTERVAL_SECONDS = 2.0
UPLOAD_TIMES_BETWEEN = 5.0
Chore = Callable[[RunFolder], None]


@dataclass(slots=True)
class Saved:
    """What lies in the run folder: the `ranges` of one local file are its `parts`."""

    ranges: RangeFile
    parts: PartList
    found: int = 0
    written: int = 0

    @property
    def count(self) -> int:
        return self.found + self.written


class Saver:
    """From `start` to `finish`. `failed` is called, from the thread, with what makes it useless to go on."""

    def __init__(
        self,
        open_folder: Callable[[], RunFolder],
        prefix: str,
        store: RunStore,
        saved: Saved,
        failed: Callable[[RunStoppedError], None],
    ) -> None:
        """`prefix`: of the objects' names, this run's alone."""
        self._open_folder = open_folder
        self._prefix = prefix
        self._store = store
        self._saved = saved
        self._failed = failed
        self._error: BaseException | None = None
        self._changed = threading.Condition()
        self._recorded = self._hurried = self._ending = self._tidies = self._packs = False
        self._merge_size = MergeSize()
        self._chores: deque[Chore] = deque()
        self._urgent: deque[Chore] = deque()
        self._place = self._objects = 0
        self._next_save = 0.0
        self._thread = threading.Thread(target=self._run, name="prompt-batch-saver", daemon=True)

    @property
    def unsaved(self) -> int:
        """Answers in the store that are not in the run folder."""
        return self._store.answers_recorded() - self._saved.written

    def start(self) -> None:
        self._thread.start()

    def recorded(self) -> None:
        """There are outcomes in the store that may need saving."""
        with self._changed:
            self._recorded = True
            self._changed.notify_all()

    def save_all(self) -> None:
        """Until all is saved that the store holds by now. Raises what made that impossible."""
        with self._changed:
            self._recorded = self._hurried = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._error is not None or not self._hurried)
        if self._error is not None:
            raise self._error

    def write_mark(self, name: str, written: Callable[[], None]) -> None:
        """An object whose name tells all, before anything else; `written` is called from the thread."""

        def write(folder: RunFolder) -> None:
            folder.write_mark(name)
            written()

        with self._changed:
            self._urgent.append(write)
            self._changed.notify_all()

    def tidy(self, groups: Sequence[Sequence[Part]], forgotten: Sequence[str]) -> None:
        """In spare moments: make one object of each group, delete those that are `forgotten`."""
        chores: list[Chore] = [partial(self._merge, parts=group) for group in groups]
        chores += [partial(_delete, name=name) for name in forgotten]
        with self._changed:
            self._chores.extend(chores)
            self._changed.notify_all()

    def finish(self, *, tidy: bool, pack: bool = False) -> None:
        """Save what is not yet saved, `tidy` up or leave that to the next run, and end.

        `pack`: all answers into as few objects as can be, where this tidies up at all.
        Raises what made saving impossible.
        """
        with self._changed:
            self._recorded = self._ending = True
            self._tidies, self._packs = tidy, pack
            self._changed.notify_all()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            folder = self._open_folder()
            while self._step(folder):
                pass
        except RunStoppedError as error:
            self._end_with(error)
            self._failed(error)
        except BaseException as error:  # noqa: BLE001  # raised where `finish` is called
            self._end_with(error)
            self._failed(RunStoppedError(f"Saving answers failed ({type(error).__name__})."))

    def _end_with(self, error: BaseException) -> None:
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def _step(self, folder: RunFolder) -> bool:
        if self._urgent:
            self._urgent.popleft()(folder)
            return True
        now = time.monotonic()
        with self._changed:
            at_once = self._ending or self._hurried
            save = self._recorded and (at_once or now >= self._next_save)
            if save:
                self._recorded = False
            elif self._hurried:
                self._hurried = False
                self._changed.notify_all()
            elif self._ending and not (self._tidies and self._something_to_tidy()):
                return False
        if save:
            self._save(folder)
        elif self._chores:
            self._tidy_once(folder)
        else:
            self._wait(now)
        return True

    def _wait(self, now: float) -> None:
        with self._changed:
            wanted = self._ending or self._hurried or bool(self._chores or self._urgent)
            left = self._next_save - now if self._recorded else None
            if not wanted and (left is None or left > 0):
                self._changed.wait(left)

    def _save(self, folder: RunFolder) -> None:
        answers, self._place = self._store.answers_after(self._place, MOST_CHARACTERS)
        if not answers:
            return
        moment = int(time.time())
        block = encoded(SavedAnswer(key, moment, record) for key, record in answers)
        started = time.monotonic()
        name = self._new_name()
        folder.write_bytes(name, block)
        ended = time.monotonic()
        interval = max(SHORTEST_INTERVAL_SECONDS, UPLOAD_TIMES_BETWEEN * (ended - started))
        self._next_save = ended + min(interval, LONGEST_INTERVAL_SECONDS)
        self._saved.written += len(answers)
        self._remember(name, block)
        with self._changed:
            # There may be more than one block's worth.
            self._recorded = True
        self._plan_merge()

    def _remember(self, name: str, block: bytes) -> None:
        """For merging. An object that is not remembered stays as it is, for the next run to find."""
        try:
            self._saved.parts.written.append(Part(name, *self._saved.ranges.append(block)))
        except RunStoppedError as error:
            # The local disk is full. Answers still reach the run folder, but there will be few more.
            self._failed(error)

    def _plan_merge(self) -> None:
        due = self._saved.parts.due(self._merge_size.bytes)
        if due and not self._chores:
            self._chores.append(partial(self._merge, parts=due))

    def _merge(self, folder: RunFolder, parts: Sequence[Part]) -> None:
        """Killed in the middle, both stay: a block that comes twice is read once."""
        name = self._new_name()
        start, end = parts[0].start, parts[-1].end
        if end > start:
            began = time.monotonic()
            folder.write(name, lambda: self._saved.ranges.reader(start, end))
            self._merge_size.uploaded(end - start, time.monotonic() - began)
        self._saved.parts.replace(parts, name)
        whole = (part.name for part in parts if not part.damaged)
        self._chores.extend(partial(_delete, name=it) for it in whole)

    def _something_to_tidy(self) -> bool:
        if self._packs and not self._chores:
            self._packs = False
            groups = self._saved.parts.groups_of_all()
            self._chores.extend(partial(self._merge, parts=group) for group in groups)
        return bool(self._chores)

    def _tidy_once(self, folder: RunFolder) -> None:
        try:
            self._chores.popleft()(folder)
        except RunStoppedError:
            # Nothing is lost by it: where saving fails too, that stops the run.
            self._chores.clear()
            logger.warning("The run folder could not be tidied up: the next run does it.")
        else:
            # What was merged may be the last of sixteen again.
            self._plan_merge()

    def _new_name(self) -> str:
        self._objects += 1
        return f"{self._prefix}{self._objects:06d}"


def _delete(folder: RunFolder, name: str) -> None:
    folder.delete(name)
