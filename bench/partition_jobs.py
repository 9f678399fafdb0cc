"""Partitions at once that share their limits by a run folder, each a job as Dataiku starts them: what they did.

Rows count from the moment at which the last of them has settled its share until the first has asked all its rows;
start-up and what follows the last answer stand apart.
"""

import csv
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measure import busy_seconds
from bench.recipe_job import CONFIG, LAST_LINES
from bench.results import conditions
from bench.stub import BenchError, Stub, StubStats, running_stub
from bench.workload import LLM_ID, PROJECT_KEY, SYSTEM, answers_row, user_message
from local_dss import job
from local_dss.code_env import installed_plugin
from local_dss.job import Job
from local_dss.job_description import JobDescription
from local_dss.project import Project

POLL_SECONDS = 0.05
LONGEST_SECONDS = 85.0
# Far above what this machine can do: partitions find each other and divide it, and it holds nobody back.
A_MINUTE = 6_000_000
# After the log tells it a share is taken within two beats.
SETTLED_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Case:
    """`rows` of each of the `processes`, `at_once` calls in each."""

    latency_ms: int
    processes: int
    at_once: int
    rows: int

    @property
    def name(self) -> str:
        return f"{self.latency_ms}ms-{self.processes}"


_CASES = (
    Case(0, 1, 64, 12_000),
    Case(0, 2, 64, 9_000),
    Case(0, 4, 64, 6_000),
    Case(50, 1, 4, 1_500),
    Case(50, 2, 4, 1_500),
    Case(50, 4, 4, 1_500),
)
CASES = {it.name: it for it in _CASES}


@dataclass(frozen=True, slots=True)
class Moment:
    """What was used and done until then: seconds of CPU of the jobs and of the whole machine, and by the server."""

    at: float
    jobs_cpu: float
    busy: float
    stats: StubStats


class Partition:
    """One job over one partition, and when it said what."""

    def __init__(self, number: int, case: Case) -> None:
        self.name = f"p{number}"
        self.first = number * case.rows
        self.case = case
        self.settled = self.asked = 0.0
        count = case.processes
        self._all_at_work = f"{count} partitions are at work" if count > 1 else "No other partition"

    def messages(self) -> list[tuple[str, str]]:
        rows = range(self.first, self.first + self.case.rows)
        return [(SYSTEM, user_message(row)) for row in rows]

    def heard(self, line: str) -> None:
        """That all are at work, and that all its rows are asked."""
        if self._all_at_work in line and not self.settled:
            self.settled = time.monotonic() + SETTLED_SECONDS
        if line.startswith("Total:") or " Total:" in line:
            self.asked = time.monotonic()

    def check(self, written: Path, names: Sequence[str]) -> None:
        """Raises BenchError where a row has not its own answer."""
        completion = names.index("completion")
        with written.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file, delimiter="\t"))
        right = [answers_row(row, cells[completion]) for row, cells in enumerate(rows, self.first)]
        if len(right) != self.case.rows or not all(right):
            raise BenchError(f"{sum(right)} of {self.case.rows} rows have their answer")


def measured(case: Case) -> dict[str, Any]:
    """Raises BenchError when a job failed, or an output is not right."""
    now = conditions()
    with tempfile.TemporaryDirectory() as name, running_stub(case.latency_ms) as stub:
        directory = Path(name)
        plugin = installed_plugin(directory / "plugin")
        project = Project(directory / "project", PROJECT_KEY)
        partitions = [Partition(number, case) for number in range(case.processes)]
        columns = [{"name": it, "type": "string"} for it in ("instructions", "review")]
        for it in partitions:
            project.create("reviews", columns, it.messages(), it.name)
        started = time.monotonic()
        jobs = [
            job.start(plugin, plugin.recipe, described(project, stub, it), on_line=it.heard)
            for it in partitions
        ]
        moments = watched(jobs, stub)
        stats = stub.stats()
        for it, ended in zip(partitions, jobs, strict=True):
            _check_ended(ended)
            output = project.dataset("answers", it.name)
            it.check(output.data, [str(column["name"]) for column in output.schema])
        objects = [it for it in project.managed_folder("saved").rglob("*") if it.is_file()]
        return {
            "conditions": now,
            **_while_all_ask(moments, partitions),
            "startup_seconds": stats.first_request - started,
            "finish_seconds": moments[-1].at - stats.last_answer,
            "seconds": moments[-1].at - started,
            "objects": len(objects),
        }


def described(project: Project, stub: Stub, partition: Partition) -> JobDescription:
    limits = {"requests_per_minute": A_MINUTE, "max_concurrency": partition.case.at_once}
    return JobDescription(
        project=str(project.folder),
        project_key=PROJECT_KEY,
        host=stub.host,
        ticket="any",
        inputs={"messages": ["reviews"]},
        outputs={"completions": ["answers"], "run_folder": ["saved"]},
        config={**CONFIG, **limits, "llm_id": LLM_ID},
        partition=partition.name,
        partitioned=["reviews", "answers"],
    )


def watched(jobs: Sequence[Job], stub: Stub) -> list[Moment]:
    """Until the last has ended; one that hangs is killed."""
    moments, ends = list[Moment](), time.monotonic() + LONGEST_SECONDS
    used = {it.process.pid: 0.0 for it in jobs}
    while any(it.process.poll() is None for it in jobs):
        for pid in used:
            try:
                # Linux's clock of another process's CPU time.
                used[pid] = time.clock_gettime((~pid << 3) | 2)
            except OSError:
                continue  # it has ended: what it used stands
        now, jobs_cpu = time.monotonic(), sum(used.values())
        moments.append(Moment(now, jobs_cpu, busy_seconds(), stub.stats()))
        if moments[-1].at > ends:
            for it in jobs:
                it.process.kill()
        time.sleep(POLL_SECONDS)
    return moments


def _check_ended(ended: Job) -> None:
    result = ended.wait()
    if not result.succeeded:
        raise BenchError("\n".join([*result.lines[-LAST_LINES:], result.banner]))


def _while_all_ask(moments: Sequence[Moment], partitions: Sequence[Partition]) -> dict[str, float]:
    """Raises BenchError where they never did."""
    if not all(it.settled for it in partitions):
        raise BenchError("The partitions never met: take more rows")
    begin, end = max(it.settled for it in partitions), min(it.asked for it in partitions)
    during = [it for it in moments if begin <= it.at <= end]
    if not during or during[-1].at - during[0].at < 1.0:
        raise BenchError(f"All asked at once from {begin:.1f} to {end:.1f} only: take more rows")
    first, last = during[0], during[-1]
    seconds = last.at - first.at
    rows = last.stats.answered - first.stats.answered
    jobs = last.jobs_cpu - first.jobs_cpu
    server = last.stats.cpu_seconds - first.stats.cpu_seconds
    return {
        "together_seconds": seconds,
        "rows_a_second": rows / seconds,
        "cpu_ms_a_row": jobs / rows * 1000,
        "cores_of_jobs": jobs / seconds,
        "cores_of_server": server / seconds,
        "other_cores": max(0.0, last.busy - first.busy - jobs - server) / seconds,
    }
