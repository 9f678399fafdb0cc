"""The thread that saves answers into the run folder while the run goes on, and shows that it lives."""

import io
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from mesh_prompt_batch.answer_block import SavedAnswer, encoded
from mesh_prompt_batch.errors import RunStoppedError
from mesh_prompt_batch.part_list import Part, PartList
from mesh_prompt_batch.range_file import RangeFile
from mesh_prompt_batch.run_folder import RunFolder, answers_folder
from mesh_prompt_batch.run_state import UNREADABLE, RunState
from mesh_prompt_batch.run_store import RunStore

logger = logging.getLogger(__name__)

BEAT_SECONDS = 10.0
SHORTEST_INTERVAL_SECONDS = 0.2
LONGEST_INTERVAL_SECONDS = 2.0
UPLOAD_TIMES_BETWEEN = 5.0
MOST_CHARACTERS = 4_000_000
# Some storages keep no empty object.
MARK = b"\n"
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
        state: RunState,
        store: RunStore,
        saved: Saved,
        failed: Callable[[RunStoppedError], None],
    ) -> None:
        self._open_folder = open_folder
        self._state = state
        self._store = store
        self._saved = saved
        self._failed = failed
        self._error: BaseException | None = None
        self._changed = threading.Condition()
        self._recorded = self._ending = self._tidies = self._packs = False
        self._phase = state.phase
        self._chores: deque[Chore] = deque()
        self._urgent: deque[Chore] = deque()
        self._place = self._objects = 0
        self._next_save = 0.0
        self._next_beat = time.monotonic() + BEAT_SECONDS
        self._thread = threading.Thread(target=self._run, name="prompt-batch-saver", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def recorded(self) -> None:
        """There are outcomes in the store that may need saving."""
        with self._changed:
            self._recorded = True
            self._changed.notify_all()

    def turn_to(self, phase: str) -> None:
        """Save what is not yet saved, then say in the folder that `phase` has begun.

        Raises what made that impossible.
        """
        with self._changed:
            self._recorded, self._phase = True, phase
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._error is not None or self._state.phase == phase)
        if self._error is not None:
            raise self._error

    def write_mark(self, name: str, written: Callable[[], None]) -> None:
        """An object whose name tells all, before anything else; `written` is called from the thread."""

        def write(folder: RunFolder) -> None:
            folder.write(name, lambda: io.BytesIO(MARK))
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

    def finish(self, *, tidy: bool, pack: bool = False) -> RunState:
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
        return replace(self._state, saved=self._saved.count)

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

    @property
    def _turning(self) -> bool:
        return self._phase != self._state.phase

    def _step(self, folder: RunFolder) -> bool:
        if self._urgent:
            self._urgent.popleft()(folder)
            return True
        now = time.monotonic()
        with self._changed:
            hurried = self._ending or self._turning
            save = self._recorded and (hurried or now >= self._next_save)
            if save:
                self._recorded = False
            elif self._ending and not (self._tidies and self._something_to_tidy()):
                return False
        if save:
            self._save(folder)
        elif now >= self._next_beat or (self._turning and not self._ending):
            self._beat(folder)
        elif self._chores:
            self._tidy_once(folder)
        else:
            self._wait(now)
        return True

    def _wait(self, now: float) -> None:
        with self._changed:
            until = min(self._next_beat, self._next_save) if self._recorded else self._next_beat
            wanted = self._ending or self._turning or bool(self._chores or self._urgent)
            if not wanted and not (self._recorded and until <= now):
                self._changed.wait(max(0.0, until - now))

    def _save(self, folder: RunFolder) -> None:
        answers, self._place = self._store.answers_after(self._place, MOST_CHARACTERS)
        if not answers:
            return
        moment = int(time.time())
        block = encoded(SavedAnswer(key, moment, record) for key, record in answers)
        started = time.monotonic()
        name = self._new_name()
        folder.write(name, lambda: io.BytesIO(block))
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
        due = self._saved.parts.due()
        if due and not self._chores:
            self._chores.append(partial(self._merge, parts=due))

    def _merge(self, folder: RunFolder, parts: Sequence[Part]) -> None:
        """Killed in the middle, both stay: a block that comes twice is read once."""
        name = self._new_name()
        start, end = parts[0].start, parts[-1].end
        if end > start:
            folder.write(name, lambda: self._saved.ranges.reader(start, end))
        self._saved.parts.replace(parts, name)
        self._chores.extend(partial(_delete, name=part.name) for part in parts)

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

    def _beat(self, folder: RunFolder) -> None:
        there = folder.state()
        if there is not None and there.phase != UNREADABLE and there.owner != self._state.owner:
            raise RunStoppedError(
                "Another run of this recipe took over, as this one showed no life for half a minute."
            )
        saved = max(self._state.saved, self._saved.count)
        told = replace(self._state, phase=self._phase, beat=self._state.beat + 1, saved=saved)
        folder.write_state(told)
        self._next_beat = time.monotonic() + BEAT_SECONDS
        with self._changed:
            self._state = told
            self._changed.notify_all()

    def _new_name(self) -> str:
        self._objects += 1
        return f"{answers_folder(self._state.epoch)}{self._state.owner}-{self._objects:06d}"


def _delete(folder: RunFolder, name: str) -> None:
    folder.delete(name)
