"""Asks the rows of a run store, on an event loop in a thread of its own, while rows are still being added."""

import asyncio
import concurrent.futures
import contextlib
import logging
import random
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

from mesh_prompt_batch.completion import Completion, CompletionRequest, Failure, Outcome
from mesh_prompt_batch.errors import (
    CleanStopError,
    LimitReachedError,
    LlmError,
    RequestError,
    RunStoppedError,
)
from mesh_prompt_batch.feed import Feed, NumberedRow, Recorder
from mesh_prompt_batch.gate import Gate
from mesh_prompt_batch.limiter import Limiter, Limits
from mesh_prompt_batch.outcome_record import record_of
from mesh_prompt_batch.progress import progress_line
from mesh_prompt_batch.retry import RetryPolicy, complete_with_retries
from mesh_prompt_batch.run_settings import FailureLimits
from mesh_prompt_batch.run_store import RecordedOutcome, RunStore
from mesh_prompt_batch.totals import Totals
from mesh_prompt_batch.window import run_window

if TYPE_CHECKING:
    from typing_extensions import Self

logger = logging.getLogger(__name__)

FIRST_REPORT_SECONDS = 1.0
Call = Callable[[CompletionRequest], Awaitable[Completion]]


@dataclass(frozen=True, slots=True)
class Asking:
    """How rows are asked. `calls` is entered on the engine's loop and gives what makes one call."""

    calls: AbstractAsyncContextManager[Call]
    request_from_row: Callable[[Sequence[str]], CompletionRequest]
    retry: RetryPolicy
    failures: FailureLimits
    limits: Limits
    time_limit_seconds: float | None = None
    report_every_seconds: float = 30.0
    jitter: Callable[[], float] = random.random


class Engine:
    """Runs from `__enter__` to `wait`; leaving the context earlier cancels the calls in flight."""

    def __init__(
        self, asking: Asking, store: RunStore, totals: Totals, recorded: Callable[[], None]
    ) -> None:
        """`recorded` is called, from any thread, when outcomes have come into the store."""
        self._asking = asking
        self._totals = totals
        self._feed = Feed(store)
        self._recorder = Recorder(store, recorded)
        self._reason: BaseException | None = None
        self._done: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="prompt-batch", daemon=True)

    def __enter__(self) -> "Self":
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._tell(self._task.cancel)
        self._thread.join()

    @property
    def stopped(self) -> bool:
        """Whether there is no use in adding rows: `wait` then says why."""
        return self._done.done()

    def rows_added(self, *, all_added: bool = False) -> None:
        self._tell(lambda: self._feed.wake(all_added=all_added))

    def stop(self, reason: BaseException) -> None:
        """Drop the calls in flight; `wait` raises `reason`."""
        self._reason = reason
        self._tell(self._task.cancel)

    def wait(self) -> None:
        """Until every row is decided. Raises RunStoppedError when the run ended before."""
        self._done.result()

    def _tell(self, action: Callable[[], object]) -> None:
        # The loop closes by itself when all is done, or when the run stopped.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(action)

    def _run(self) -> None:
        try:
            try:
                asyncio.run(self._main())
            finally:
                # However it ended: what was answered is kept.
                self._recorder.flush_now()
        except asyncio.CancelledError:
            self._done.set_exception(self._reason or RunStoppedError("The run was cancelled."))
        except BaseException as error:  # noqa: BLE001  # whatever it was, it is raised where `wait` is called
            self._done.set_exception(error)
        else:
            self._done.set_result(None)

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.ensure_future(self._ask_all())
        self._started.set()
        await self._task

    async def _ask_all(self) -> None:
        loop = asyncio.get_running_loop()
        helpers: list[asyncio.Handle | asyncio.Future[None]] = [
            asyncio.ensure_future(self._helped(self._report())),
            asyncio.ensure_future(self._helped(self._recorder.flush_often())),
        ]
        try:
            async with self._asking.calls as call:
                self._gate = gate = self._new_gate(call)
                if self._asking.time_limit_seconds is not None:
                    limit = self._asking.time_limit_seconds
                    helpers.append(loop.call_later(limit, gate.close, _out_of_time(limit)))
                await run_window(
                    self._take,
                    lambda row: self._decide(gate, row),
                    self._asking.limits.max_concurrency,
                )
                if gate.reason is not None:
                    raise gate.reason
        except LlmError as error:
            raise _stopped_by(error, self._totals) from None
        finally:
            for helper in helpers:
                helper.cancel()

    async def _helped(self, helper: Awaitable[None]) -> None:
        try:
            await helper
        except Exception as error:  # noqa: BLE001  # it is raised where `wait` is called
            self.stop(error)

    def _new_gate(self, call: Call) -> Gate:
        # Whoever waits for rows to come need not wait any more.
        return Gate(
            call,
            Limiter(self._asking.limits),
            self._asking.retry.max_wait,
            lambda: self._feed.wake(all_added=True),
        )

    async def _take(self) -> NumberedRow | None:
        return None if self._gate.reason is not None else await self._feed.take()

    async def _decide(self, gate: Gate, numbered: NumberedRow) -> None:
        number, row = numbered
        try:
            request = self._asking.request_from_row(row)
        except RequestError as error:
            outcome: Outcome | None = Failure.of(error, attempts=0)
        else:
            outcome = await self._ask(gate, request)
        if outcome is None:
            return
        self._totals.add(number, outcome)
        self._totals.check(self._asking.failures)
        answered = isinstance(outcome, Completion)
        await self._recorder.put(RecordedOutcome(number, answered, record_of(outcome)))

    async def _ask(self, gate: Gate, request: CompletionRequest) -> Outcome | None:
        """None where a limit ended the run before the row was decided."""
        totals = self._totals
        totals.call_started(time.monotonic())
        try:
            return await complete_with_retries(
                gate.call, request, self._asking.retry, gate.sleep, self._asking.jitter
            )
        except LimitReachedError:
            return None
        except CleanStopError as error:
            gate.close(error)
            return None
        finally:
            totals.call_ended(time.monotonic())

    async def _report(self) -> None:
        # Soon at first: whoever watches wants to see that it works, and how fast.
        pause = FIRST_REPORT_SECONDS
        while True:
            await asyncio.sleep(min(pause, self._asking.report_every_seconds))
            logger.info(progress_line(self._totals))
            pause *= 2


def _out_of_time(seconds: float) -> CleanStopError:
    return CleanStopError(
        f"'Time limit (minutes)' is reached after {seconds / 60:g} minutes: run again to go on, or allow more."
    )


def _stopped_by(error: LlmError, totals: Totals) -> RunStoppedError:
    status = "" if error.status is None else f" (HTTP {error.status})"
    sentence = {
        "authentication": f"The Mesh refused the run's credentials{status}: check that you may use this LLM"
        " and may read and write this project",
        "quota": f"A quota blocks the LLM{status}: ask an admin to raise it, or wait until it is reset",
    }.get(
        error.error_type,
        f"The Mesh has no such LLM, or not for you{status}: choose another one in 'LLM'"
        " (the macro 'List available LLMs' shows them)",
    )
    return RunStoppedError(f"{sentence}; {totals.so_far()}.")
