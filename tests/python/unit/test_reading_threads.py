"""Reading threads: each has a handle of its own, and none keeps the process from ending."""

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from functools import partial

import pytest

from mesh_prompt_batch import reading_threads
from mesh_prompt_batch.reading_threads import ReadingThreads


class Handle:
    """Belongs to the thread that opened it."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()

    def read(self, number: int, meeting: threading.Barrier | None = None) -> int:
        assert threading.get_ident() == self.thread
        if meeting is not None:
            meeting.wait(10)
        return number


def test_each_thread_opens_a_handle_and_keeps_it() -> None:
    opened: list[Handle] = []
    meeting = threading.Barrier(3)

    def open_handle() -> Handle:
        opened.append(Handle())
        return opened[-1]

    with ReadingThreads(open_handle, 3) as threads:
        # All three have to meet: no thread can do the work of another.
        futures = [threads.submit(lambda it, n=n: it.read(n, meeting)) for n in range(9)]  # type: ignore[misc]
        assert [it.result(10) for it in futures] == list(range(9))
    assert len(opened) == 3


def test_results_come_in_order_and_few_works_wait_at_once() -> None:
    taken = 0

    def works() -> Iterator[partial[int]]:
        nonlocal taken
        for number in range(50):
            taken = number
            yield partial(Handle.read, number=number)

    with ReadingThreads(Handle, 4) as threads:
        for number, result in enumerate(threads.in_order(works())):
            assert result == number
            assert taken <= number + 4


def test_an_error_is_raised_where_the_result_is_asked_for_and_the_thread_works_on() -> None:
    def fail(_: Handle) -> int:
        raise OSError("gone")

    with ReadingThreads(Handle, 1) as threads:
        failed = threads.submit(fail)
        with pytest.raises(OSError, match="gone"):
            failed.result(10)
        assert threads.submit(lambda it: it.read(1)).result(10) == 1


def test_a_handle_that_could_not_be_opened_is_tried_again() -> None:
    tries = []

    def open_handle() -> Handle:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("not yet")
        return Handle()

    with ReadingThreads(open_handle, 1) as threads:
        with pytest.raises(OSError, match="not yet"):
            threads.submit(lambda it: it.read(1)).result(10)
        assert threads.submit(lambda it: it.read(2)).result(10) == 2


def test_what_was_not_begun_at_the_end_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_threads, "PATIENCE_AT_END_SECONDS", 0.01)
    begun, go_on = threading.Event(), threading.Event()

    def hang(_: Handle) -> str:
        begun.set()
        go_on.wait(10)
        return "late"

    with ReadingThreads(Handle, 1) as threads:
        hanging = threads.submit(hang)
        waiting = threads.submit(lambda it: it.read(1))
        assert begun.wait(10)
    assert not hanging.done()
    go_on.set()
    assert hanging.result(10) == "late"
    with pytest.raises(CancelledError):
        waiting.result(10)
