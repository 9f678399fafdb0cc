"""Whether the run that the run folder names as its owner is still at work."""

import logging

from mesh_prompt_batch.errors import RunStoppedError
from mesh_prompt_batch.process import is_alive
from mesh_prompt_batch.run_folder import STATE, RunFolder, is_epoch_of_a_run
from mesh_prompt_batch.run_state import WRITING, RunState

logger = logging.getLogger(__name__)

WATCH_SECONDS = 30.0
WATCH_STEP_SECONDS = 1.0
ANOTHER_RUN = "Another run of this recipe and partition is at work on this run folder: wait for its end, or abort it."


def state_of_ended_run(folder: RunFolder, *, appends: bool) -> RunState | None:
    """What the last run left; None where there was none, or what lies there is no state of a run.

    Raises RunStoppedError where it is still at work, and where its rows may stand in an output that one `appends` to.
    """
    last = folder.state()
    if last is not None and last.owner and is_at_work(folder, last):
        raise RunStoppedError(ANOTHER_RUN)
    known = last is not None and is_epoch_of_a_run(last.epoch)
    if last is not None and appends and (last.phase == WRITING or not known):
        raise RunStoppedError(
            "The last run ended while it appended to the output, which may hold its rows: remove them"
            f" there, then delete {folder.path(STATE)} in the run folder and run again; no answer is lost."
        )
    return last if known else None


def is_at_work(folder: RunFolder, last: RunState) -> bool:
    """A process of this machine lives or not; of another one, only its beat tells."""
    alive = is_alive(last.process)
    if alive is not None:
        return alive
    logger.info("The last run did not say that it ended: watching whether it is alive.")
    watched = 0.0
    while watched < WATCH_SECONDS:
        folder.sleep(WATCH_STEP_SECONDS)
        watched += WATCH_STEP_SECONDS
        there = folder.state()
        if there is None or not there.owner:
            return False
        if (there.owner, there.beat) != (last.owner, last.beat):
            return True
    return False


def state_when_at_rest(folder: RunFolder) -> RunState | None:
    """What the last run left, once none is at work; waits for that as long as it takes."""
    last = folder.state()
    while last is not None and last.owner and is_at_work(folder, last):
        folder.sleep(WATCH_STEP_SECONDS)
        last = folder.state()
    return last
