"""A scenario in streams of rows: rates change when something happens, and between that nothing has to be reckoned.

What happens is decided by the run's own modules: shares of the limits by their leases, pauses by the breaker, objects
by the list of parts. Rows between two events are a rate.
"""

import heapq
import itertools
import math
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.scale.activity import (
    ASKING,
    AT_ONCE,
    CPU,
    DONE,
    DOWN,
    FAILED,
    HIDDEN,
    LAST_ROWS,
    LOADING,
    NO_SHARE,
    REQUESTS,
    STARTING,
    TOKENS,
    WRITING,
    Activity,
    Found,
    hidden_rate,
)
from bench.scale.figures import Scenario, Told
from bench.scale.leases import LeaseFolder, LeaseWorld
from bench.scale.provider import REFUSAL_SECONDS
from bench.scale.saving import SavingProfile, objects_found

sys.path.append(str(Path(__file__).resolve().parents[2] / "python-lib"))
from mesh_prompt_batch.breaker import FAILURES_TO_OPEN, Breaker
from mesh_prompt_batch.last_run import WATCH_SECONDS
from mesh_prompt_batch.own_limits import LOOK_SECONDS

SAMPLES = 400
UNEVEN = (0.95, 1.05)
A_ROW = 1e-6


class Fluid:
    """`told` is complete when it has `run`."""

    def __init__(
        self, scenario: Scenario, profile: SavingProfile, seed: int, found: Found | None = None
    ) -> None:
        """`found`: where the provider has a limit that nobody tells."""
        self.scenario, self._profile, self._found = scenario, profile, found
        self._drawn = random.Random(f"fluid {seed}")
        self._kills = scenario.kills(seed)
        self.activities = [Activity(*it) for it in enumerate(scenario.sizes(seed))]
        self.now = 0.0
        self.told = Told(rows=scenario.rows)
        place = LeaseFolder(scenario.folder, self._objects)
        self.leases = LeaseWorld(place)
        self._count = itertools.count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._sample_seconds = scenario.rows / scenario.nominal_rate / scenario.partitions / SAMPLES

    def run(self) -> Told:
        for it in self.activities:
            self._start(it)
        for begin, _ in self.scenario.provider.outages:
            self._at(begin, self._outage_begins)
        for moment in itertools.chain(*self.scenario.provider.throttled):
            self._at(moment, lambda: None)
        self._plan_kill()
        self._at(self._sample_seconds, self._sample)
        while any(it.state != DONE for it in self.activities):
            self._step()
        self.told.seconds = self.now
        self.told.objects = round(self._objects() + len(self.leases.place.leases))
        self.told.calls += self.told.lost_in_flight
        return self.told

    def _step(self) -> None:
        """To whatever happens next."""
        self._set_rates()
        until = self._events[0][0]
        for it in self.activities:
            if it.rate:
                until = min(until, self.now + it.left / it.rate)
        if not self.leases.settled:
            until = min(until, self.now + LOOK_SECONDS)
        self._pass(max(0.0, until - self.now))
        for it in self.activities:
            if it.state == ASKING and it.left <= A_ROW:
                self._asked(it)
        while self._events[0][0] <= self.now:
            heapq.heappop(self._events)[2]()

    def _pass(self, seconds: float) -> None:
        self.now += seconds
        self.leases.run(seconds)
        total = 0.0
        for it in self.activities:
            if it.state == DONE:
                continue
            self.told.bound(it.by or it.state, seconds)
            if it.rate:
                it.answered += it.rate * seconds
                it.uploads += seconds * it.uploads_a_second
                total += it.rate
        self.told.calls += total * seconds
        if self._found is not None:
            refused = sum(it.rate for it in self.activities if it.by in HIDDEN)
            self.told.refused += refused * seconds * self._found.refused
        self.told.most_a_minute = max(self.told.most_a_minute, total * 60)

    def _at(self, moment: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._count), what))

    def _later(self, it: Activity, seconds: float, what: Callable[[Activity], None]) -> None:
        """Unless it is killed or stops before."""
        run = it.run

        def act() -> None:
            if it.run == run:
                what(it)

        self._at(self.now + seconds, act)

    def _set_rates(self) -> None:
        asking = [it for it in self.activities if it.state == ASKING]
        for it in self.activities:
            it.rate, it.by = 0.0, ""
        for it in asking:
            it.by, it.rate = min(self._caps(it), key=lambda cap: cap[1])
        self._share_out(asking)

    def _caps(self, it: Activity) -> list[tuple[str, float]]:
        """Rows a second by what keeps them from being more."""
        scenario = self.scenario
        if it.breaker.is_open:
            return [(DOWN, 0.0)]
        caps = [
            (CPU, 1000 / scenario.machine.cpu_ms_a_row),
            (AT_ONCE, scenario.at_once / scenario.provider.mean_latency),
        ]
        if it.keeper is not None:
            share = self.leases.share(it.keeper)
            if not share:
                return [(NO_SHARE, 0.0)]
            if scenario.requests_per_minute:
                caps.append((REQUESTS, share * scenario.requests_per_minute / 60))
            if scenario.tokens_per_minute:
                tokens = share * scenario.tokens_per_minute / 60
                caps.append((TOKENS, tokens / scenario.tokens_a_row))
        return caps

    def _share_out(self, asking: Sequence[Activity]) -> None:
        """What the provider takes and does not tell, evenly among those that want it."""
        if self._found is None:
            return
        by, whole = hidden_rate(self.scenario.provider, self.now)
        left, waiting = whole * self._found.used, len(asking)
        for it in sorted(asking, key=lambda it: it.rate):
            fair = left / waiting
            if it.rate > fair:
                it.rate, it.by = fair, by
            left -= it.rate
            waiting -= 1

    def _start(self, it: Activity) -> None:
        machine = self.scenario.machine
        it.state, it.run, it.breaker, it.uploads = STARTING, it.run + 1, Breaker(), 0.0
        # Else all would have most objects at the same moment.
        it.uploads_a_second = self._drawn.uniform(*UNEVEN) / self._profile.period
        seconds = machine.container_seconds + machine.startup_seconds
        if it.killed:
            # The run that was killed on another machine did not say that it ended.
            seconds += WATCH_SECONDS
        it.killed = False
        self._later(it, seconds, self._load)

    def _load(self, it: Activity) -> None:
        """The lease is kept from here on."""
        it.state = LOADING
        size = it.answered * self.scenario.bytes_a_row
        it.found_objects = objects_found(it.found_objects, size)
        if self.scenario.shares_limits:
            it.keeper = self.leases.join(f"p{it.number}", replaces=it.run > 1)
        seconds = it.answered * self.scenario.machine.resume_ms_a_row / 1000
        seconds += it.found_objects * self.scenario.folder.request_seconds
        self._later(it, seconds, self._ask)

    def _ask(self, it: Activity) -> None:
        # Whole again: what a kill took of a row was a call in flight.
        it.state = LAST_ROWS
        self._later(it, self.scenario.provider.mean_latency, self._ask_on)

    def _ask_on(self, it: Activity) -> None:
        it.state = ASKING
        if self.scenario.provider.is_out(self.now):
            self._fails(it)

    def _asked(self, it: Activity) -> None:
        """But for the slowest of the calls in flight."""
        provider = self.scenario.provider
        it.answered, it.state = it.rows, LAST_ROWS
        calls = max(1.0, it.rate * provider.mean_latency)
        slowest = provider.latency * math.exp(provider.spread * math.sqrt(2 * math.log(calls)))
        self._later(it, max(0.0, slowest - provider.mean_latency), self._write)

    def _write(self, it: Activity) -> None:
        self._leave(it)
        it.state = WRITING
        self.told.asked_seconds = self.now
        seconds = it.rows * self.scenario.machine.write_ms_a_row / 1000
        self._later(it, seconds, self._done)

    def _done(self, it: Activity) -> None:
        it.state = DONE

    def _leave(self, it: Activity) -> None:
        if it.keeper is not None:
            self.leases.leave(it.keeper)
            it.keeper = None

    def _outage_begins(self) -> None:
        for it in self.activities:
            if it.state == ASKING:
                self._fails(it)

    def _fails(self, it: Activity) -> None:
        """All calls in flight at once."""
        for _ in range(FAILURES_TO_OPEN):
            it.breaker.failed(self.now, was_probe=False)
        self._later(it, it.breaker.delay(self.now), self._probe)

    def _probe(self, it: Activity) -> None:
        it.breaker.started()
        if not self.scenario.provider.is_out(self.now):
            self._later(it, self.scenario.provider.mean_latency, self._recovers)
            return
        self._later(it, REFUSAL_SECONDS, self._probe_failed)

    def _recovers(self, it: Activity) -> None:
        it.breaker.succeeded()

    def _probe_failed(self, it: Activity) -> None:
        it.breaker.failed(self.now, was_probe=True)
        if self.now - it.breaker.since > self.scenario.patience:
            self.told.stops += 1
            self._leave(it)
            self._ends(it)
        else:
            self._later(it, it.breaker.delay(self.now), self._probe)

    def _ends(self, it: Activity) -> None:
        """Before its last row: it is built again."""
        it.found_objects += self._profile.objects_after(it.uploads)
        it.state, it.run, it.uploads = FAILED, it.run + 1, 0.0
        self._later(it, self.scenario.machine.rebuilt_after, self._start)

    def _plan_kill(self) -> None:
        kill = next(self._kills, None)
        if kill is not None:
            self._at(kill[0], lambda: self._kill(self.activities[kill[1]]))

    def _kill(self, it: Activity) -> None:
        self._plan_kill()
        if it.state in (FAILED, DONE):
            return
        self.told.kills += 1
        if it.state == ASKING and it.rate:
            in_flight = it.rate * self.scenario.provider.mean_latency
            unsaved = min(it.answered, it.rate * self._profile.unsaved_seconds(self._drawn))
            self.told.lost_in_flight += in_flight
            self.told.lost_unsaved += unsaved
            it.answered -= unsaved
        if it.keeper is not None:
            self.leases.kill(it.keeper)
            it.keeper = None
        it.killed = True
        self._ends(it)

    def _sample(self) -> None:
        objects = self._objects() + len(self.leases.place.leases)
        self.told.most_objects = max(self.told.most_objects, round(objects))
        self._at(self.now + self._sample_seconds, self._sample)

    def _objects(self) -> float:
        """Answers, and each partition's state, report and history."""
        return sum(
            it.found_objects + self._profile.objects_after(it.uploads) + 3 for it in self.activities
        )
