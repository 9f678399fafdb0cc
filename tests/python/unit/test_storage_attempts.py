"""Storage that stumbles: how often it is asked, with which pauses, and what ends that."""

from collections.abc import Callable

import pytest

from mesh_prompt_batch.errors import RequestError, RunStoppedError
from mesh_prompt_batch.storage_attempts import ATTEMPTS, tried


class Storage:
    """Raises these errors one after the other, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = [*errors]
        self.told: list[int] = []
        self.slept: list[float] = []

    def answer(self) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return "answer"

    def failed(self, _error: Exception, attempt: int) -> None:
        self.told.append(attempt)
        if attempt == ATTEMPTS:
            raise RunStoppedError("It only fails.")

    def tried(self, failed: Callable[[Exception, int], object] | None = None) -> str:
        return tried(self.answer, failed or self.failed, self.slept.append)


def test_it_is_asked_again_after_longer_and_longer_pauses() -> None:
    storage = Storage(OSError(), KeyError())
    assert storage.tried() == "answer"
    assert (storage.told, storage.slept) == ([1, 2], [0.5, 1.0])


def test_storage_that_only_fails_is_asked_three_times() -> None:
    storage = Storage(OSError(), OSError(), OSError(), OSError())
    with pytest.raises(RunStoppedError, match="only fails"):
        storage.tried()
    assert (storage.told, storage.slept, len(storage.errors)) == ([1, 2, 3], [0.5, 1.0], 1)


def test_our_own_errors_pass_at_once() -> None:
    storage = Storage(RequestError("invalid_row", "no image"))
    with pytest.raises(RequestError):
        storage.tried()
    assert (storage.told, storage.slept) == ([], [])


def test_whoever_is_told_of_a_failure_may_end_it() -> None:
    def gone(error: Exception, _attempt: int) -> None:
        raise RunStoppedError("It is gone.") from error

    storage = Storage(OSError(), OSError())
    with pytest.raises(RunStoppedError, match="gone"):
        storage.tried(gone)
    assert (storage.slept, len(storage.errors)) == ([], 1)
