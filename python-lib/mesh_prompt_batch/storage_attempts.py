"""Storage that stumbles is asked again after a pause, and not for ever."""

from collections.abc import Callable
from typing import TypeVar

from mesh_prompt_batch.errors import PromptBatchError

Result = TypeVar("Result")
ATTEMPTS = 3
FIRST_PAUSE_SECONDS = 0.5


def tried(
    action: Callable[[], Result],
    failed: Callable[[Exception, int], object],
    sleep: Callable[[float], object],
) -> Result:
    """What `action` gives at last. Our own errors are none of storage's: they pass at once.

    `failed` is told every other error with the number of its attempt, from 1 to ATTEMPTS, and raises what is to end
    the attempts; of the last one it has to.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return action()
        except PromptBatchError:
            raise
        except Exception as error:  # noqa: BLE001  # any storage, any error: try again, then say so
            failed(error, attempt)
        sleep(FIRST_PAUSE_SECONDS * attempt)
    raise AssertionError("unreachable")
