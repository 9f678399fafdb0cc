"""A few threads that read, each with a handle of its own: a handle belongs to the thread that opened it."""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from typing_extensions import Self

Handle = TypeVar("Handle")
Result = TypeVar("Result")
# A read that hangs must not keep the process from ending: the threads are daemons.
PATIENCE_AT_END_SECONDS = 5.0


class ReadingThreads(Generic[Handle]):
    """At work from `__enter__` to `__exit__`; what was not begun by then is cancelled."""

    def __init__(self, open_handle: Callable[[], Handle], number: int) -> None:
        """`open_handle` is called in each thread before its first work."""
        self._open = open_handle
        self._works: queue.SimpleQueue[Callable[[Handle | None], Handle | None] | None] = (
            queue.SimpleQueue()
        )
        self._ending = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, name=f"prompt-batch-reader-{n}", daemon=True)
            for n in range(number)
        ]

    def __enter__(self) -> "Self":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for _thread in self._threads:
            self._works.put(None)
        until = time.monotonic() + PATIENCE_AT_END_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def submit(self, work: Callable[[Handle], Result]) -> "Future[Result]":
        future: Future[Result] = Future()

        def done(handle: Handle | None) -> Handle | None:
            if self._ending.is_set():
                future.cancel()
            if not future.set_running_or_notify_cancel():
                return handle
            try:
                if handle is None:
                    handle = self._open()
                future.set_result(work(handle))
            except BaseException as error:  # noqa: BLE001  # it is raised where the result is asked for
                future.set_exception(error)
            return handle

        self._works.put(done)
        return future

    def in_order(self, works: Iterable[Callable[[Handle], Result]]) -> Iterator[Result]:
        """Results in the order of `works`. Never more of them wait than there are threads: others want to read too."""
        waiting: deque[Future[Result]] = deque()
        for work in works:
            if len(waiting) == len(self._threads):
                yield waiting.popleft().result()
            waiting.append(self.submit(work))
        while waiting:
            yield waiting.popleft().result()

    def _run(self) -> None:
        handle: Handle | None = None
        while (work := self._works.get()) is not None:
            handle = work(handle)
