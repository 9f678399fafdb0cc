"""Whether the run that the run folder names as its owner is still at work."""

import logging
from collections.abc import Callable

from mesh_prompt_batch.process import is_alive
from mesh_prompt_batch.run_folder import RunFolder
from mesh_prompt_batch.run_state import RunState

logger = logging.getLogger(__name__)

WATCH_SECONDS = 30.0
WATCH_STEP_SECONDS = 1.0


def is_at_work(folder: RunFolder, last: RunState, sleep: Callable[[float], object]) -> bool:
    """A process of this machine lives or not; of another one, only its beat tells."""
    alive = is_alive(last.process)
    if alive is not None:
        return alive
    logger.info("The last run did not say that it ended: watching whether it is alive.")
    watched = 0.0
    while watched < WATCH_SECONDS:
        sleep(WATCH_STEP_SECONDS)
        watched += WATCH_STEP_SECONDS
        there = folder.state()
        if there is None or not there.owner:
            return False
        if (there.owner, there.beat) != (last.owner, last.beat):
            return True
    return False


def state_when_at_rest(folder: RunFolder, sleep: Callable[[float], object]) -> RunState | None:
    """What the last run left, once none is at work; waits for that as long as it takes."""
    last = folder.state()
    while last is not None and last.owner and is_at_work(folder, last, sleep):
        sleep(WATCH_STEP_SECONDS)
        last = folder.state()
    return last
