"""One run at a time has a place in the run folder: it claims it, shows that it lives, and lets go of it."""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from mesh_prompt_batch.errors import RunStoppedError
from mesh_prompt_batch.process import process_identity
from mesh_prompt_batch.run_folder import RunFolder
from mesh_prompt_batch.run_state import ASKING, UNREADABLE, RunState

logger = logging.getLogger(__name__)

BEAT_SECONDS = 10.0
FIRST_LOOK_SECONDS = 1.0
SETTLE_TIMES = 3.0


class Ownership:
    """From `claim` to `release`. `state` is what the folder was last told of the run.

    A thread of its own: a run shows that it lives while answers are uploaded for minutes. `folder` is the caller's,
    `open_folder` is called in that thread.
    """

    state: RunState

    def __init__(self, folder: RunFolder, open_folder: Callable[[], RunFolder]) -> None:
        self._folder = folder
        self._open_folder = open_folder
        self._changed = threading.Condition()
        self._ending = False
        self._thread: threading.Thread | None = None
        self._error: RunStoppedError | None = None

    def claim(self, epoch: str, phase: str = ASKING, saved: int = 0) -> bool:
        """Whether the place is ours: of several that claim it in one moment, the last has it."""
        began = time.monotonic()
        self.state = RunState(epoch, phase, saved, uuid.uuid4().hex[:12], process_identity())
        self._folder.write_state(self.state)
        if not self.holds():
            return False
        # Another run that looked before this was written has written by then too.
        self._folder.sleep(SETTLE_TIMES * (time.monotonic() - began))
        return self.holds()

    def start_beating(
        self, saved: Callable[[], int], failed: Callable[[RunStoppedError], None]
    ) -> None:
        """`saved`: how many answers are. `failed` is called once, from the thread, with what ended it."""
        self._saved, self._failed, self._phase = saved, failed, self.state.phase
        self._thread = threading.Thread(target=self._beat_on, name="prompt-batch-beat", daemon=True)
        self._thread.start()

    def turn_to(self, phase: str) -> None:
        """Say in the folder that `phase` has begun. Raises RunStoppedError where it cannot be said, or is not ours.

        The thread says it, though whoever waits here is told to end.
        """
        with self._changed:
            self._phase = phase
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._error is not None or self.state.phase == phase)
        if self._error is not None:
            raise self._error

    def stop_beating(self) -> None:
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def holds(self) -> bool:
        """Unless the folder names another run. Where it says nothing, somebody emptied it, as users may."""
        return self._is_ours(self._folder.state())

    def release(self, saved: int) -> None:
        self.state = replace(self.state, saved=saved).released()
        self._folder.write_state(self.state)

    def _beat_on(self) -> None:
        try:
            folder = self._open_folder()
            if self._is_wanted_within(min(FIRST_LOOK_SECONDS, BEAT_SECONDS)):
                self._tell(folder)
            else:
                self._look(folder)
            while self._is_wanted_within(BEAT_SECONDS) or not self._ending:
                self._tell(folder)
        except RunStoppedError as error:
            self._end_with(error)
        except BaseException as error:  # noqa: BLE001  # told by `failed` and by `turn_to`
            self._end_with(RunStoppedError(f"Showing life failed ({type(error).__name__})."))

    def _is_wanted_within(self, seconds: float) -> bool:
        """Whether another phase is to be told; false at the end, or when so many seconds have passed."""
        with self._changed:
            self._changed.wait_for(lambda: self._ending or self._turns, seconds)
            return self._turns

    @property
    def _turns(self) -> bool:
        return self._phase != self.state.phase

    def _end_with(self, error: RunStoppedError) -> None:
        with self._changed:
            self._error = error
            self._changed.notify_all()
        self._failed(error)

    def _tell(self, folder: RunFolder) -> None:
        self._look(folder)
        saved = max(self.state.saved, self._saved())
        told = replace(self.state, phase=self._phase, beat=self.state.beat + 1, saved=saved)
        folder.write_state(told)
        with self._changed:
            self.state = told
            self._changed.notify_all()

    def _look(self, folder: RunFolder) -> None:
        if not self._is_ours(folder.state()):
            raise RunStoppedError(
                "Another run of this recipe took over: this one had shown no life for half a minute, or both began in"
                " the same moment; the other goes on."
            )

    def _is_ours(self, there: RunState | None) -> bool:
        return there is None or there.phase == UNREADABLE or there.owner in ("", self.state.owner)


@contextmanager
def second_to(error: BaseException | None) -> Iterator[None]:
    """What fails at the end of a run that failed already is told in the log; the first `error` stands."""
    try:
        yield
    except RunStoppedError as failure:
        if error is None:
            raise
        if failure is not error:
            logger.error(str(failure))  # noqa: TRY400  # a sentence, no traceback
