"""Asks the rows of a run store, on an event loop in a thread of its own, while rows are still being added."""

import asyncio
import concurrent.futures
import contextlib
import logging
import random
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from mesh_prompt_batch.answering import Complete
from mesh_prompt_batch.completion import Call, Completion, CompletionRequest, Failure, Outcome
from mesh_prompt_batch.errors import (
    CleanStopError,
    LimitReachedError,
    NoLlmLeftError,
    RequestError,
    RunStoppedError,
)
from mesh_prompt_batch.feed import NumberedRow, Recorder
from mesh_prompt_batch.lanes import Lanes
from mesh_prompt_batch.outcome_record import record_of
from mesh_prompt_batch.own_limits import UNSHARED, Limits, OwnLimits, Share
from mesh_prompt_batch.progress import Progress
from mesh_prompt_batch.retry import RetryPolicy, complete_with_retries
from mesh_prompt_batch.router import Router
from mesh_prompt_batch.run_settings import FailureLimits
from mesh_prompt_batch.run_store import RecordedOutcome, RunStore
from mesh_prompt_batch.spending import Spending, SpendLimit
from mesh_prompt_batch.totals import Totals
from mesh_prompt_batch.traffic import Traffic

if TYPE_CHECKING:
    from typing_extensions import Self

logger = logging.getLogger(__name__)

FIRST_REPORT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Asking:
    """How rows are asked. `calls` is entered on the engine's loop and gives what makes one call.

    `answering` decides a row by one request or by several.
    `llm_ids`: all that rows may ask; None where rows name their own.
    `time_used_seconds`: of the time limit, before this run began. `spend`: None where there is no limit on it.
    `share`: entered while calls may start, tells this run's part of the limits a minute.
    """

    calls: AbstractAsyncContextManager[Call]
    request_from_row: Callable[[Sequence[str]], CompletionRequest]
    answering: Callable[[Complete, CompletionRequest], Awaitable[Outcome | None]]
    retry: RetryPolicy
    failures: FailureLimits
    limits: Limits
    llm_ids: Sequence[str] | None
    fallback_llm_id: str = ""
    time_limit_seconds: float | None = None
    time_used_seconds: float = 0.0
    report_every_seconds: float = 30.0
    jitter: Callable[[], float] = random.random
    spend: SpendLimit | None = None
    share: AbstractContextManager[Share] = UNSHARED


class _Started(NamedTuple):
    loop: asyncio.AbstractEventLoop
    task: asyncio.Future[None]


class Engine:
    """Runs from `__enter__` to `wait`; leaving the context earlier cancels the calls in flight."""

    def __init__(
        self, asking: Asking, store: RunStore, totals: Totals, recorded: Callable[[], None]
    ) -> None:
        """`recorded` is called, from any thread, when outcomes have come into the store."""
        self._asking = asking
        self._totals = totals
        self._lanes = Lanes(store, asking.limits.max_concurrency)
        self._recorder = Recorder(store, recorded)
        self._llm_ids = asking.llm_ids
        # What may keep the run from going faster, the first that does is told.
        self._bounds = [self._lanes.bound, self._recorder.bound]
        self._reason: BaseException | None = None
        self._done: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._started: concurrent.futures.Future[_Started] = concurrent.futures.Future()
        self._thread = threading.Thread(target=self._run, name="prompt-batch", daemon=True)

    def __enter__(self) -> "Self":
        with contextlib.ExitStack() as entered:
            share = entered.enter_context(self._asking.share)
            self._own = OwnLimits(self._asking.limits, share)
            self._thread.start()
            self._loop, self._task = self._started.result()
            self._sharing = entered.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        with self._sharing:
            self._tell(self._task.cancel)
            self._thread.join()

    @property
    def stopped(self) -> bool:
        """Whether there is no use in adding rows: `wait` then says why."""
        return self._done.done()

    def rows_added(self, llm_ids: Sequence[str], *, all_added: bool = False) -> None:
        """`llm_ids`: all that rows ask for so far, in the order of their lanes."""

        def wake() -> None:
            if all_added:
                self._llm_ids = llm_ids
            self._lanes.wake(max(1, len(llm_ids)), all_added=all_added)

        self._tell(wake)

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
        main = self._main()
        try:
            try:
                asyncio.run(main)
            finally:
                # It never began where the system gave no loop.
                main.close()
                # However it ended: what was answered is kept.
                self._recorder.flush_now()
        except asyncio.CancelledError:
            self._done.set_exception(self._reason or RunStoppedError("The run was cancelled."))
        except BaseException as error:  # noqa: BLE001  # whatever it was, it is raised where the run is waited for
            self._done.set_exception(error)
            if not self._started.done():
                self._started.set_exception(error)
        else:
            self._done.set_result(None)

    async def _main(self) -> None:
        task = asyncio.ensure_future(self._ask_all())
        self._started.set_result(_Started(asyncio.get_running_loop(), task))
        await task

    async def _ask_all(self) -> None:
        loop = asyncio.get_running_loop()
        helpers: list[asyncio.Handle | asyncio.Future[None]] = [
            asyncio.ensure_future(self._helped(self._report())),
            asyncio.ensure_future(self._helped(self._recorder.flush_often())),
        ]
        try:
            async with self._asking.calls as call:
                self._traffic, self._router = self._ways(call)
                self._bounds.insert(0, self._router.bound)
                helpers.append(asyncio.ensure_future(self._helped(self._sample())))
                if self._asking.time_limit_seconds is not None:
                    limit = self._asking.time_limit_seconds
                    left = limit - self._asking.time_used_seconds
                    helpers.append(loop.call_later(left, self._traffic.close, _out_of_time(limit)))
                await self._lanes.work_through(self._decide)
                self._router.check_left()
                if self._traffic.reason is not None:
                    raise self._traffic.reason
        except NoLlmLeftError as error:
            sentence = f"{str(error).rstrip('.')}; {self._totals.unpublished()}."
            raise NoLlmLeftError(sentence) from None
        finally:
            for helper in helpers:
                helper.cancel()

    async def _helped(self, helper: Awaitable[None]) -> None:
        try:
            await helper
        except Exception as error:  # noqa: BLE001  # it is raised where `wait` is called
            self.stop(error)

    def _ways(self, call: Call) -> tuple[Traffic, Router]:
        traffic = Traffic(
            self._own, self._asking.retry.max_wait, self._lanes.close, spending=self._spending()
        )
        return traffic, Router(call, traffic, lambda: self._llm_ids, self._asking.fallback_llm_id)

    def _spending(self) -> Spending | None:
        limit = self._asking.spend
        if limit is None:
            return None

        def claim(total: Decimal) -> None:
            def granted() -> None:
                limit.spend.grant(total)
                self._traffic.changed()

            limit.record(total, lambda: self._tell(granted))

        return Spending(limit.spend, limit.prices, claim)

    async def _decide(self, numbered: NumberedRow) -> None:
        number, row = numbered
        try:
            request = self._asking.request_from_row(row)
        except RequestError as error:
            outcome: Outcome | None = Failure.of(error, attempts=0)
        else:
            outcome = await self._asking.answering(self._ask, request)
        if outcome is None:
            return
        self._totals.add(number, outcome)
        answered = isinstance(outcome, Completion)
        await self._recorder.put(RecordedOutcome(number, answered, record_of(outcome)))
        # Afterwards: rows that are decided in the same moment as the failure that is one too many are kept.
        self._totals.check(self._asking.failures)

    async def _ask(self, request: CompletionRequest) -> Outcome | None:
        """None where a limit ended the run before the row was decided."""
        totals = self._totals
        totals.call_started(time.monotonic())
        try:
            return await complete_with_retries(
                self._router.call,
                request,
                self._asking.retry,
                self._traffic.sleep,
                self._asking.jitter,
            )
        except LimitReachedError:
            return None
        except CleanStopError as error:
            self._traffic.close(error)
            return None
        finally:
            totals.call_ended(time.monotonic())

    async def _sample(self) -> None:
        while True:
            try:
                await asyncio.sleep(self._totals.course.seconds_to_next_sample)
            finally:
                # Also at the end, so that no moment of back-off is left out.
                self._totals.sampled(time.monotonic(), self._router.sample())

    async def _report(self) -> None:
        # Soon at first: whoever watches wants to see that it works, and how fast.
        progress = Progress(self._totals)
        pause = FIRST_REPORT_SECONDS
        while True:
            await asyncio.sleep(min(pause, self._asking.report_every_seconds))
            bound = next(filter(None, (it() for it in self._bounds)), "")
            logger.info(progress.line(self._own.in_flight, bound))
            pause *= 2


def _out_of_time(seconds: float) -> CleanStopError:
    return CleanStopError(
        f"'Time limit (minutes)' is reached after {seconds / 60:g} minutes: run again to go on, or allow more."
    )
