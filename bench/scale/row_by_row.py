"""A scenario row by row: the run's own gate, limiter, retries and breaker for every call of every activity.

In virtual time, and as slow as a hundred thousand rows in half a minute: what the streams of `fluid.py` are checked by.
"""

import asyncio
import contextlib
import random
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.scale.figures import Scenario, Told
from bench.scale.leases import Keeper, LeaseFolder, LeaseWorld
from bench.scale.provider import PROMPT_TOKENS, TroubledProvider, most_in_a_minute
from bench.scale.saving import Saving, objects_found

sys.path.append(str(Path(__file__).resolve().parents[2] / "python-lib"))
sys.path.append(str(Path(__file__).resolve().parents[2] / "tests/python"))
from simulated_run import request
from virtual_time import run as run_in_virtual_time

from mesh_prompt_batch.completion import Completion, CompletionRequest, Failure
from mesh_prompt_batch.errors import LlmDownError
from mesh_prompt_batch.feed import FLUSH_SECONDS
from mesh_prompt_batch.gate import Gate
from mesh_prompt_batch.last_run import WATCH_SECONDS
from mesh_prompt_batch.limiter import Limiter
from mesh_prompt_batch.own_limits import Limits, OwnLimits, Share, the_whole
from mesh_prompt_batch.retry import RetryPolicy, complete_with_retries
from mesh_prompt_batch.traffic import Traffic
from mesh_prompt_batch.window import run_window

MAX_TOKENS = 500
TICK_SECONDS = 0.25


class DownError(Exception):
    """The provider failed for longer than the run is patient."""


@dataclass
class Run:
    """One activity's run while it asks. `first`: rows that earlier runs answered."""

    own: OwnLimits
    saving: Saving
    first: int
    answered: int = 0
    keeper: Keeper | None = None

    @property
    def unsaved(self) -> int:
        return self.answered - int(self.saving.saved)


@dataclass
class Partition:
    """What outlasts a run of it."""

    number: int
    rows: int
    answered: int = 0
    objects: int = 0
    runs: int = 0
    run: Run | None = None
    at_work: "asyncio.Task[None] | None" = None


@dataclass
class RowByRow:
    """`told` is complete when it has `run`. `failed`: rows without an answer, by their retries used up."""

    scenario: Scenario
    seed: int
    failed: int = 0
    told: Told = field(default_factory=Told)
    provider: TroubledProvider = field(init=False)

    def run(self) -> Told:
        _, seconds = run_in_virtual_time(self._main())
        told, provider = self.told, self.provider
        told.rows, told.seconds = self.scenario.rows, seconds
        told.calls, told.refused = provider.paid, len(provider.refusals)
        told.most_a_minute = most_in_a_minute(provider.moments)
        told.objects = self._objects() + len(self._leases.place.leases)
        return told

    async def _main(self) -> None:
        scenario = self.scenario
        self.provider = TroubledProvider(scenario.provider, scenario.tokens_a_row, self.seed)
        self._jitter = random.Random(f"jitter {self.seed}").random
        place = LeaseFolder(scenario.folder, self._objects)
        self._leases = LeaseWorld(place, stands_still=False)
        self._partitions = [Partition(*it) for it in enumerate(scenario.sizes(self.seed))]
        helpers = [asyncio.ensure_future(it) for it in (self._tick(), self._kill())]
        await asyncio.gather(*map(self._worked, self._partitions))
        for helper in helpers:
            helper.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)

    async def _worked(self, it: Partition) -> None:
        """Run after run, until every row is written."""
        killed = False
        while True:
            it.at_work = asyncio.ensure_future(self._one_run(it, killed=killed))
            try:
                await it.at_work
            except asyncio.CancelledError:
                killed = True
            except DownError:
                killed = False
                self.told.stops += 1
            else:
                return
            it.at_work = None
            await asyncio.sleep(self.scenario.machine.rebuilt_after)

    async def _one_run(self, it: Partition, *, killed: bool) -> None:
        machine, folder = self.scenario.machine, self.scenario.folder
        it.runs += 1
        watched = WATCH_SECONDS if killed else 0.0
        await asyncio.sleep(machine.container_seconds + machine.startup_seconds + watched)
        it.objects = objects_found(it.objects, it.answered * self.scenario.bytes_a_row)
        it.run = run = self._opened(it)
        saver = asyncio.ensure_future(_acted(run.saving.acts()))
        try:
            loading = it.answered * machine.resume_ms_a_row / 1000
            await asyncio.sleep(loading + it.objects * folder.request_seconds)
            await self._ask(it, run)
        finally:
            saver.cancel()
            it.objects += run.saving.objects
            it.run = None
            self._leave(run)
        self.told.asked_seconds = asyncio.get_running_loop().time()
        await asyncio.sleep(it.rows * machine.write_ms_a_row / 1000)

    def _opened(self, it: Partition) -> Run:
        scenario, keeper = self.scenario, None
        share: Share = the_whole
        if scenario.shares_limits:
            keeper = joined = self._leases.join(f"p{it.number}", replaces=it.runs > 1)

            def share_of_run(_now: float) -> float:
                return self._leases.share(joined)

            share = share_of_run
        limits = Limits(
            scenario.at_once,
            requests_per_minute=scenario.requests_per_minute,
            tokens_per_minute=scenario.tokens_per_minute,
        )
        loop = asyncio.get_running_loop()
        saving = Saving(
            scenario.folder,
            scenario.bytes_a_row,
            lambda: recorded.now(loop.time(), run.answered),
            loop.time,
        )
        recorded = _Recorded()
        run = Run(OwnLimits(limits, share), saving, it.answered, keeper=keeper)
        return run

    def _leave(self, run: Run) -> None:
        if run.keeper is not None:
            self._leases.leave(run.keeper)
            run.keeper = None

    async def _ask(self, it: Partition, run: Run) -> None:
        scenario, loop = self.scenario, asyncio.get_running_loop()
        traffic = Traffic(run.own, scenario.patience, now=loop.time)
        gate = Gate(self._call(), Limiter(run.own), traffic)
        policy = RetryPolicy(max_wait=scenario.patience)
        asked = request("q" * (4 * PROMPT_TOKENS), max_tokens=MAX_TOKENS)
        left = iter(range(it.rows - run.first))

        async def take() -> int | None:
            return next(left, None)

        async def call(asked: CompletionRequest) -> Completion:
            try:
                return await gate.call(asked)
            except LlmDownError:
                raise DownError from None

        async def work(_row: int) -> None:
            outcome = await complete_with_retries(call, asked, policy, traffic.sleep, self._jitter)
            self.failed += isinstance(outcome, Failure)
            run.answered += 1
            it.answered += 1

        await run_window(take, work, scenario.at_once)

    def _call(self) -> Callable[[CompletionRequest], Awaitable[Completion]]:
        """Calls that one core makes: the next begins when it is free."""
        cpu = self.scenario.machine.cpu_ms_a_row / 1000
        loop, free_at = asyncio.get_running_loop(), 0.0

        async def call(asked: CompletionRequest) -> Completion:
            nonlocal free_at
            free_at = max(free_at, loop.time()) + cpu
            await asyncio.sleep(free_at - loop.time())
            return await self.provider.call(asked)

        return call

    async def _kill(self) -> None:
        loop = asyncio.get_running_loop()
        for moment, number in self.scenario.kills(self.seed):
            await asyncio.sleep(moment - loop.time())
            it = self._partitions[number]
            if it.at_work is None or it.at_work.done():
                continue
            self.told.kills += 1
            if it.run is not None:
                self._killed(it, it.run)
            it.at_work.cancel()

    def _killed(self, it: Partition, run: Run) -> None:
        self.told.lost_in_flight += run.own.in_flight
        self.told.lost_unsaved += run.unsaved
        it.answered -= run.unsaved
        if run.keeper is not None:
            self._leases.kill(run.keeper)
            run.keeper = None

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self._leases.run(TICK_SECONDS)
            objects = self._objects() + len(self._leases.place.leases)
            self.told.most_objects = max(self.told.most_objects, objects)

    def _objects(self) -> int:
        runs = [it.run for it in self._partitions if it.run is not None]
        return sum(it.objects + 3 for it in self._partitions) + sum(
            it.saving.objects for it in runs
        )


class _Recorded:
    """Answers are recorded in groups: what the saver sees is a moment old."""

    def __init__(self) -> None:
        self._at, self._count = 0.0, 0

    def now(self, now: float, answered: int) -> int:
        if now >= self._at + FLUSH_SECONDS:
            self._at, self._count = now, answered
        return self._count


async def _acted(acts: Iterator[float]) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        for seconds in acts:
            await asyncio.sleep(seconds)
