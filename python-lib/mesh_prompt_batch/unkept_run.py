"""A run that neither takes nor leaves answers, and has its place in the run folder to itself all the same."""

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from mesh_prompt_batch.checkpoint import NoCheckpoint
from mesh_prompt_batch.errors import RunStoppedError
from mesh_prompt_batch.last_run import ANOTHER_RUN, state_of_ended_run
from mesh_prompt_batch.ownership import Ownership, second_to
from mesh_prompt_batch.run_folder import RunFolder, new_epoch, newest_epoch
from mesh_prompt_batch.run_state import ASKING, CLOSED, WRITING, RunState
from mesh_prompt_batch.run_store import RunStore

if TYPE_CHECKING:
    from typing_extensions import Self


class UnkeptRun(NoCheckpoint):
    """What earlier runs left stays as it is, and can be resumed when this one has ended."""

    def __init__(self, open_folder: Callable[[], RunFolder], *, appends: bool) -> None:
        """`appends`: the output does, so that writing it twice would double its rows."""
        self._open_folder = open_folder
        self._appends = appends

    def __enter__(self) -> "Self":
        """Claims the folder. Raises RunStoppedError where another run of the recipe lives, or storage fails."""
        folder = self._open_folder()
        last = state_of_ended_run(folder, appends=self._appends)
        if last is None:
            # Answers may be there all the same.
            found = newest_epoch(folder)
            last = RunState(found or new_epoch(), ASKING if found else CLOSED)
        # What the next run makes of the answers there is not for this one to say.
        self._phase = ASKING if last.phase == WRITING else last.phase
        self._saved = last.saved
        self._ownership = Ownership(folder, self._open_folder)
        if not self._ownership.claim(last.epoch, self._phase, self._saved):
            raise RunStoppedError(ANOTHER_RUN)
        return self

    def load(self, store: RunStore, failed: Callable[[RunStoppedError], None]) -> int:
        self._ownership.start_beating(lambda: self._saved, failed)
        return super().load(store, failed)

    def writing(self) -> None:
        self._ownership.turn_to(WRITING)

    def written(self, *, closed: bool) -> None:  # noqa: ARG002  # nothing to close
        self._ownership.turn_to(self._phase)

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ownership.stop_beating()
        with second_to(error):
            if self._ownership.holds():
                self._ownership.release(self._saved)
