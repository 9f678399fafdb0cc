"""What a simulation is told: rows, partitions, provider, storage, machines; and what it tells."""

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Folder:
    """The managed folder: seconds of any request, and what an upload adds; a listing is told by pages."""

    request_seconds: float = 0.02
    bytes_a_second: float = 50e6
    page: int = 1000

    def write(self, size: float = 0.0) -> float:
        return self.request_seconds + size / self.bytes_a_second

    def listing(self, objects: float) -> float:
        return self.request_seconds * max(1, math.ceil(objects / self.page))


@dataclass(frozen=True, slots=True)
class Provider:
    """`latency`: median seconds of a call, `spread` the sigma of its logarithm.

    Beyond `bears` calls at once, or `a_minute` of them, it refuses; neither is told to the recipe. During `outages`,
    spans of seconds, it fails all calls; while `throttled`, it takes `throttled_a_minute`. `tells`: seconds to wait
    that a refusal names.
    """

    latency: float = 2.0
    spread: float = 0.5
    bears: int | None = None
    a_minute: int | None = None
    tells: float | None = None
    outages: Sequence[tuple[float, float]] = ()
    throttled: Sequence[tuple[float, float]] = ()
    throttled_a_minute: int = 0

    @property
    def mean_latency(self) -> float:
        return self.latency * math.exp(self.spread**2 / 2)

    def is_out(self, now: float) -> bool:
        return any(begin <= now < end for begin, end in self.outages)

    def takes_a_minute(self, now: float) -> float:
        """Calls; infinite where there is no limit."""
        if any(begin <= now < end for begin, end in self.throttled):
            return self.throttled_a_minute
        return math.inf if self.a_minute is None else self.a_minute


@dataclass(frozen=True, slots=True)
class Machine:
    """What an activity takes. Measured here, but for `container_seconds` and `rebuilt_after`, which are assumed.

    `rebuilt_after`: seconds from the end of an activity that failed to its next start.
    """

    cpu_ms_a_row: float
    startup_seconds: float
    resume_ms_a_row: float
    write_ms_a_row: float
    container_seconds: float = 30.0
    rebuilt_after: float = 300.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """`requests_per_minute`, `tokens_per_minute`: the recipe's own, shared by all partitions; None: none.

    `kills_an_hour`: share of the living activities that are killed. `size_spread`: sigma of the logarithm of the
    partitions' sizes. `patience` is 'Longest wait (seconds)'.
    """

    name: str
    rows: int
    partitions: int
    machine: Machine
    provider: Provider = field(default_factory=Provider)
    folder: Folder = field(default_factory=Folder)
    at_once: int = 128
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    tokens_a_row: float = 320.0
    bytes_a_row: float = 500.0
    kills_an_hour: float = 0.0
    size_spread: float = 0.0
    patience: float = 600.0

    @property
    def shares_limits(self) -> bool:
        return self.requests_per_minute is not None or self.tokens_per_minute is not None

    @property
    def limit_a_minute(self) -> float:
        """Rows, by whichever limit is the narrower; infinite where none is told."""
        requests = self.requests_per_minute or math.inf
        return min(requests, (self.tokens_per_minute or math.inf) / self.tokens_a_row)

    @property
    def nominal_rate(self) -> float:
        """Rows a second of one activity while all are at work and nothing goes wrong."""
        latency = self.provider.mean_latency
        hidden = min(
            (self.provider.bears or math.inf) / latency, (self.provider.a_minute or math.inf) / 60
        )
        return min(
            1000 / self.machine.cpu_ms_a_row,
            self.at_once / latency,
            min(self.limit_a_minute / 60, hidden) / self.partitions,
        )

    def sizes(self, seed: int) -> list[int]:
        """Rows of each partition; their sum is `rows`."""
        drawn = random.Random(f"sizes {seed}")
        weights = [drawn.lognormvariate(0, self.size_spread) for _ in range(self.partitions)]
        bounds = [0.0]
        for weight in weights:
            bounds.append(bounds[-1] + weight)
        edges = [round(it / bounds[-1] * self.rows) for it in bounds]
        return [after - before for before, after in itertools.pairwise(edges)]

    def kills(self, seed: int) -> Iterator[tuple[float, int]]:
        """Moments and activities, without end; nothing happens to one that is at its end or not at work."""
        drawn, now = random.Random(f"kills {seed}"), 0.0
        while self.kills_an_hour:
            now += drawn.expovariate(self.kills_an_hour * self.partitions / HOUR)
            yield now, drawn.randrange(self.partitions)


@dataclass(slots=True)
class Told:
    """What became of a scenario.

    `calls` were paid; `lost_in_flight` and `lost_unsaved` of them by kills. `bounds`: activity-seconds by what kept
    the activity from going faster. `most_a_minute`: calls begun in any 60 seconds.
    """

    seconds: float = 0.0
    asked_seconds: float = 0.0
    rows: int = 0
    calls: float = 0.0
    refused: float = 0.0
    kills: int = 0
    stops: int = 0
    lost_in_flight: float = 0.0
    lost_unsaved: float = 0.0
    most_objects: int = 0
    objects: int = 0
    most_a_minute: float = 0.0
    bounds: dict[str, float] = field(default_factory=dict)

    @property
    def paid_twice(self) -> float:
        return self.lost_in_flight + self.lost_unsaved

    @property
    def rows_a_second(self) -> float:
        return self.rows / self.seconds

    def bound(self, by: str, seconds: float) -> None:
        self.bounds[by] = self.bounds.get(by, 0.0) + seconds

    def bound_shares(self) -> Mapping[str, float]:
        """Largest first."""
        whole = sum(self.bounds.values())
        most = sorted(self.bounds.items(), key=lambda it: -it[1])
        return {name: seconds / whole for name, seconds in most}
