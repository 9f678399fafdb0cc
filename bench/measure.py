"""One run of one contender, measured from outside: the server's clock, the kernel's CPU and memory figures."""

import os
import resource
import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.stub import BenchError, Stub, StubStats
from bench.workload import CONCURRENCY
from local_dss.process import Process

SAMPLE_SECONDS = 0.02
LONGEST_SECONDS = 900
KIB_A_MIB = 1024


class Prepared(Protocol):
    """A contender made ready for one run."""

    def start(self) -> Process: ...

    def check(self) -> None:
        """Called when it has ended. Raises BenchError when it failed, or an answer is not its row's."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Timed is from the first row's request to the last row's answer, as the server saw them.

    start-up: from the start of the process to the first request; finish: from the last answer to its end.
    `other_cores`: cores kept busy meanwhile by anything but the contender and its server.
    """

    rows_a_second: float
    cpu_ms_a_row: float
    peak_rss_mib: float
    startup_seconds: float
    finish_seconds: float
    other_cores: float


@dataclass(frozen=True, slots=True)
class Ended:
    """A process from start to end; moments are those of `time.monotonic()`."""

    started: float
    ended: float
    cpu_samples: Sequence[tuple[float, float]]
    usage: resource.struct_rusage

    @property
    def cpu_seconds(self) -> float:
        return self.usage.ru_utime + self.usage.ru_stime

    def cpu_until(self, moment: float) -> float:
        """CPU seconds used until `moment`: on the line between the samples before and after it."""
        samples = [(self.started, 0.0), *self.cpu_samples, (self.ended, self.cpu_seconds)]
        after = min(max(bisect_left(samples, (moment, 0.0)), 1), len(samples) - 1)
        (before, used), (then, used_then) = samples[after - 1], samples[after]
        return used + (used_then - used) * (moment - before) / max(then - before, 1e-9)


def measured(prepared: Prepared, stub: Stub, rows: int) -> Figures:
    """Raises BenchError when the contender fails, asks a row twice or more at once than it may."""
    busy = busy_seconds()
    process = run_to_end(prepared)
    stats = stub.stats()
    others = busy_seconds() - busy - process.cpu_seconds - stats.cpu_seconds
    prepared.check()
    if not stats.requests == stats.answered == rows:
        raise BenchError(f"{stats.requests} requests and {stats.answered} answers for {rows} rows")
    if stats.max_in_flight > CONCURRENCY:
        raise BenchError(f"{stats.max_in_flight} calls were in flight, not {CONCURRENCY}")
    return _figures(process, stats, rows, others)


def _figures(process: Ended, stats: StubStats, rows: int, others: float) -> Figures:
    cpu = process.cpu_until(stats.last_answer) - process.cpu_until(stats.first_request)
    return Figures(
        rows_a_second=rows / (stats.last_answer - stats.first_request),
        cpu_ms_a_row=cpu / rows * 1000,
        peak_rss_mib=process.usage.ru_maxrss / KIB_A_MIB,
        startup_seconds=stats.first_request - process.started,
        finish_seconds=process.ended - stats.last_answer,
        other_cores=max(0.0, others / (process.ended - process.started)),
    )


def run_to_end(prepared: Prepared, longest_seconds: float = LONGEST_SECONDS) -> Ended:
    """A process that takes longer is killed."""
    started = time.monotonic()
    process = prepared.start()
    # Linux's clock of another process's CPU time (see clock_getcpuclockid): reading it costs the other nothing.
    clock = (~process.pid << 3) | 2
    samples: list[tuple[float, float]] = []
    try:
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                # `wait4` has taken it from Popen.
                process.returncode = os.waitstatus_to_exitcode(status)
                return Ended(started, time.monotonic(), samples, usage)
            samples.append((time.monotonic(), time.clock_gettime(clock)))
            if samples[-1][0] > started + longest_seconds:
                process.kill()
            time.sleep(SAMPLE_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()


def busy_seconds() -> float:
    """CPU seconds that all processes of this machine have used since it started."""
    names = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _idle, _iowait, irq, softirq = (int(it) for it in names[:7])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")
