"""Shares of runs that see each other through slow storage alone: together never more than the whole."""

import heapq
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from mesh_prompt_batch.leases import WHOLE, Lease
from mesh_prompt_batch.own_limits import Limits, OwnLimits
from mesh_prompt_batch.shares import DEAD_SECONDS, FENCE_SECONDS, SETTLE_SECONDS, Shares

Acts = Iterator[float]


@dataclass
class Storage:
    """Whole objects that are seen, and seen to be gone, some time after they were written and deleted."""

    drawn: random.Random
    seen_from: dict[str, float] = field(default_factory=dict)
    gone_from: dict[str, float] = field(default_factory=dict)

    def write(self, name: str, now: float) -> None:
        self.seen_from[name] = now + self.delay()

    def delete(self, name: str, now: float) -> None:
        self.gone_from.setdefault(name, now + self.delay())

    def delay(self) -> float:
        return self.drawn.choice((0.0, self.drawn.uniform(0.0, 0.95 * SETTLE_SECONDS)))

    def names(self, now: float) -> list[str]:
        far = float("inf")
        there = [it for it, at in self.seen_from.items() if at <= now < self.gone_from.get(it, far)]
        self.drawn.shuffle(there)
        return there


@dataclass
class Process:
    """A run whose clock tells another time and goes a little wrong; what it does takes time, or fails."""

    shares: Shares
    storage: Storage
    drawn: random.Random
    true_time: Callable[[], float]
    trouble: float = 0.0
    beats: int = 1_000_000
    killed: bool = False
    written: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.offset, self.rate = self.drawn.uniform(-1e6, 1e6), self.drawn.uniform(0.98, 1.02)

    def clock(self) -> float:
        return self.offset + self.rate * self.true_time()

    def acts(self) -> Acts:
        for _ in range(self.beats):
            yield from self.look()
            yield from self.stalls()
            yield from self.tell(self.shares.next_lease())
            for lease in self.shares.of_no_use(self.clock()):
                self.storage.delete(lease.name, self.true_time())
            yield self.drawn.uniform(1.0, 3.0) * SETTLE_SECONDS
        if self.drawn.random() < 0.5:
            self.killed = True
            return
        self.storage.write(self.shares.last_lease().name, self.true_time())
        for name in self.written:
            self.storage.delete(name, self.true_time())

    def look(self) -> Acts:
        began = self.clock()
        yield self.takes()
        names = self.storage.names(self.true_time())
        yield self.takes()
        yield from self.stalls()
        if not self.fails():
            leases = [it for it in map(Lease.from_name, names) if it is not None]
            self.shares.look(began, self.clock(), leases)

    def tell(self, lease: Lease) -> Acts:
        began = self.clock()
        yield self.takes()
        yield from self.stalls()
        failed = self.fails()
        if not failed or self.fails():
            self.storage.write(lease.name, self.true_time())
            self.written.append(lease.name)
        yield self.takes()
        if failed:
            return
        self.shares.told(began, self.clock())
        for name in self.written[:-2]:
            self.storage.delete(name, self.true_time())

    def takes(self) -> float:
        return self.drawn.choice((0.05, 0.1, self.drawn.uniform(0.0, 2.0)))

    def stalls(self) -> Acts:
        if self.drawn.random() < self.trouble:
            yield self.drawn.choice((5.0, 15.0, 25.0, 40.0, 100.0))

    def fails(self) -> bool:
        return self.drawn.random() < self.trouble


class World:
    """Processes in true time, in an order that `drawn` decides."""

    def __init__(self, seed: int) -> None:
        self.drawn = random.Random(seed)
        self.storage = Storage(self.drawn)
        self.now = 0.0
        self.processes: list[Process] = []
        self._due: list[tuple[float, int, Acts]] = []

    def start(self, at: float, partition: str = "", **how: float) -> Process:
        number = len(self.processes)
        shares = Shares(partition or f"p{number}", f"{number:012x}", replaces=bool(partition))
        process = Process(shares, self.storage, self.drawn, lambda: self.now, **how)  # type: ignore[arg-type]
        self.processes.append(process)
        heapq.heappush(self._due, (at, number, process.acts()))
        return process

    def run(self, until: float) -> float:
        """The largest sum of shares that there ever was."""
        most = 0.0
        while self._due and self._due[0][0] <= until:
            self.now, number, acts = heapq.heappop(self._due)
            pause = next(acts, None)
            if pause is not None:
                heapq.heappush(self._due, (self.now + pause, number, acts))
            # Parts of one add up to it but for the last of their digits.
            most = max(most, round(sum(self.shares()), 9))
        self.now = until
        return most

    def shares(self) -> list[float]:
        return [it.shares.share(it.clock()) for it in self.processes if not it.killed]


@pytest.mark.simulation
@given(
    st.integers(0, 2**32),
    st.lists(st.tuples(st.floats(0, 300), st.integers(1, 40)), min_size=1, max_size=12),
    st.sampled_from([0.0, 0.02, 0.2]),
)
@example_settings(deadline=None, max_examples=150)
def test_whoever_comes_leaves_stalls_or_dies_all_shares_together_are_never_more_than_the_whole(
    seed: int, runs: list[tuple[float, int]], trouble: float
) -> None:
    world = World(seed)
    for start, beats in runs:
        world.start(start, trouble=trouble, beats=beats)
    assert world.run(until=1_000.0) <= 1.0


@pytest.mark.simulation
@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(0, 5))
@example_settings(deadline=None, max_examples=40)
def test_when_nothing_changes_any_more_each_living_run_has_its_fair_share(
    seed: int, lasting: int, leaving: int
) -> None:
    world = World(seed)
    for _ in range(lasting):
        world.start(world.drawn.uniform(0, 60))
    for _ in range(leaving):
        world.start(world.drawn.uniform(0, 60), beats=world.drawn.randint(1, 10))
    assert world.run(until=400.0) <= 1.0
    shares = world.shares()[:lasting]
    assert shares == pytest.approx([1 / lasting] * lasting, abs=1e-5)
    for process in world.processes[:lasting]:
        assert len(world.storage.names(world.now)) <= 3 * lasting + leaving
        assert process.shares.living == lasting


def look(shares: Shares, now: float, *leases: Lease) -> float:
    shares.look(now, now, leases)
    return shares.share(now)


def told(shares: Shares, now: float) -> Lease:
    lease = shares.next_lease()
    shares.told(now, now)
    return lease


def test_alone_a_run_has_all_as_soon_as_others_could_have_seen_it() -> None:
    shares = Shares("a", "1", replaces=False)
    assert look(shares, 0.0) == 0.0
    lease = told(shares, 0.0)
    assert look(shares, SETTLE_SECONDS - 0.1, lease) == 0.0
    assert look(shares, SETTLE_SECONDS, lease) == 1.0


def test_one_that_cannot_renew_its_lease_starts_nothing_before_others_take_it_for_dead() -> None:
    shares = alone()
    renewed = SETTLE_SECONDS
    assert shares.share(renewed + FENCE_SECONDS) == 1.0
    assert shares.share(renewed + FENCE_SECONDS + 0.1) == 0.0
    assert FENCE_SECONDS < DEAD_SECONDS - SETTLE_SECONDS
    lease = told(shares, 60.0)
    assert shares.share(60.0) == 0.0
    assert look(shares, 60.0 + SETTLE_SECONDS, lease) == 1.0


def alone() -> Shares:
    shares = Shares("a", "1", replaces=False)
    lease = told(shares, 0.0)
    look(shares, SETTLE_SECONDS, lease)
    told(shares, SETTLE_SECONDS)
    return shares


def test_a_newcomer_is_given_its_share_before_it_asks_how_much_is_left() -> None:
    shares = alone()
    newcomer = Lease("b", "2", 1, WHOLE)
    assert look(shares, 5.0, shares.lease, newcomer) == 0.5
    assert told(shares, 5.0).claim == WHOLE // 2


def test_an_emptied_folder_makes_nobody_take_more() -> None:
    shares = alone()
    other = Lease("b", "2", 1, WHOLE // 2)
    look(shares, 5.0, shares.lease, other)
    told(shares, 5.0)
    assert look(shares, 10.0) == 0.5
    told(shares, 10.0)
    assert look(shares, 20.0, shares.lease) == 0.5
    assert shares.living == 2


def test_a_run_that_left_gives_its_share_back_at_once_and_a_dead_one_after_half_a_minute() -> None:
    for gone, now in ((Lease("b", "2", 2, None), 7.0), (Lease("b", "2", 1, 500_000), 5.0 + 30.0)):
        shares = alone()
        look(shares, 5.0, shares.lease, Lease("b", "2", 1, 500_000))
        told(shares, 5.0)
        look(shares, now, shares.lease, gone)
        lease = told(shares, now)
        assert look(shares, now + SETTLE_SECONDS, lease, gone) == 1.0
        assert shares.of_no_use(now + 60.0) == [gone]


def test_what_a_killed_run_of_the_same_partition_left_does_not_count() -> None:
    shares = Shares("a", "1", replaces=True)
    killed, other = Lease("a", "0", 9, WHOLE // 2), Lease("b", "2", 1, WHOLE // 2)
    look(shares, 0.0, killed, other)
    assert shares.living == 2
    look(shares, 1.0, killed, other, Lease("a", "3", 1, 0))
    assert shares.living == 3


@given(
    st.lists(st.tuples(st.floats(0, 5), st.sampled_from([0.0, 0.125, 0.5, 1.0])), max_size=60),
    st.integers(1, 600),
)
def test_a_share_that_changes_lets_no_more_start_than_it_allows(
    story: list[tuple[float, float]], a_minute: int
) -> None:
    """Also no call for nothing when the share is taken away and given back."""
    share = [0.0]
    own = OwnLimits(Limits(1024, requests_per_minute=a_minute), lambda _now: share[0])
    now = allowed = started = 0.0
    for seconds, share[0] in story:
        end = now + seconds
        while (ready := now + own.delay(now)) <= end:
            allowed += (ready - now) * share[0] * a_minute / 60
            now = ready
            if own.delay(now) == 0.0:
                own.started(now, 1)
                own.ended(0)
                started += 1
            assert started <= allowed + 1 + 1e-6
        allowed += (end - now) * share[0] * a_minute / 60
        now = end


@given(st.text(min_size=1), st.integers(0, 10**8), st.one_of(st.none(), st.integers(0, WHOLE)))
def test_a_lease_is_told_by_its_name_alone(partition: str, beat: int, claim: int | None) -> None:
    try:
        partition.encode()
    except UnicodeEncodeError:
        return
    lease = Lease(partition, "0a1b2c3d4e5f", beat, claim)
    assert "/" not in lease.name
    assert Lease.from_name(lease.name) == lease


@pytest.mark.parametrize("name", ["state.json", "answers/e/run-000001", "a-b-c", "a-1-2-3x"])
def test_other_objects_are_no_leases(name: str) -> None:
    assert Lease.from_name(name) is None
