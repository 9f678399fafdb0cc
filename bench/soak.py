"""`python -m bench.soak`: half an hour of the recipe against a provider in which everything goes wrong now and then.

Run it with the `dev` environment (`make soak`): the local DSS is the provider. The run ends by its own time limit and
writes what is answered.
"""

import argparse
import csv
import logging
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.page import rewrite, save, table
from bench.recipe_job import RecipeJob, Setup
from bench.results import conditions
from bench.stub import BenchError
from bench.workload import LLM_ID, PROJECT_KEY, answers_row
from local_dss import faults
from local_dss.faults import Answer
from local_dss.gate import Gate
from local_dss.mesh_server import MeshServer

MINUTES, ROWS, SEED = 30.0, 400_000, 1
LATENCY_SECONDS, TIMEOUT_SECONDS, CONCURRENCY = 0.1, 5, 24
SAMPLE_SECONDS = 5.0
# Connections come and go.
MOST_GROWTH_MIB, SPARE = 15.0, CONCURRENCY
# Every five minutes the provider is down for twenty seconds.
OUTAGE_EVERY_SECONDS, OUTAGE_SECONDS = 300.0, 20.0
# Shares of the calls. A hung call outlasts the timeout.
SHARES: dict[str, float] = {
    "429, Retry-After 1": 0.0005,
    "429": 0.005,
    "500 of DSS": 0.01,
    "502, HTML": 0.005,
    "reset": 0.005,
    "cut in mid-body": 0.005,
    "hung": 0.003,
    "200, HTML": 0.003,
    "no choice": 0.003,
    "guardrail": 0.003,
    "context length": 0.003,
}


class Trouble:
    """Decides for each call how it goes wrong, if it does; called on the server's loop alone."""

    def __init__(self) -> None:
        self.counts = Counter[str]()
        self._random = random.Random(SEED)
        self._started = time.monotonic()

    def fault(self, question: str, _time: int, _call: int) -> Answer | None:
        passed = (time.monotonic() - self._started) % OUTAGE_EVERY_SECONDS
        if passed > OUTAGE_EVERY_SECONDS - OUTAGE_SECONDS:
            self.counts["503, outage"] += 1
            return faults.gateway_page(503)
        drawn = self._random.random()
        for kind, share in SHARES.items():
            drawn -= share
            if drawn < 0:
                self.counts[kind] += 1
                return _answer(kind, question)
        return None


def _answer(kind: str, question: str) -> Answer:
    return {
        "429, Retry-After 1": faults.rate_limited(Retry_After="1"),
        "429": faults.rate_limited(),
        "500 of DSS": faults.unexplained(question),
        "502, HTML": faults.gateway_page(),
        "reset": faults.reset,
        "cut in mid-body": faults.cut_after('{"choices": ['),
        "hung": faults.hang,
        "200, HTML": faults.gateway_page(200),
        "no choice": faults.respond('{"choices": []}'),
        "guardrail": faults.guardrail(question),
        "context length": faults.too_long(question),
    }[kind]


@dataclass(frozen=True, slots=True)
class Sample:
    """Of the job's process, so many seconds after its start."""

    seconds: float
    rss_mib: float
    threads: int
    files: int


def main() -> None:
    """Exit code 1 when the job failed, a row has not its own answer, or something is left behind or grew."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES)
    minutes = parser.parse_args().minutes
    try:
        kept = soaked(minutes)
    except BenchError as error:
        sys.exit(str(error))
    print(report(kept))
    if minutes >= MINUTES:
        save("soak", kept)
        rewrite("soak", report(kept))
    if not all(reached for _, reached in verdicts(_tenths(kept))):
        sys.exit(1)


def soaked(minutes: float) -> dict[str, Any]:
    """Raises BenchError."""
    # It tells of each connection that the client gives up.
    logging.getLogger("aiohttp").setLevel(logging.CRITICAL)
    now, trouble = conditions(), Trouble()
    settings = {
        "adaptive_concurrency": True,
        "max_concurrency": CONCURRENCY,
        "timeout_seconds": TIMEOUT_SECONDS,
        "time_limit_minutes": minutes,
        "when_stopped": "write",
        "max_retries": 10,
    }
    with tempfile.TemporaryDirectory() as name, _provider(trouble) as mesh:
        job = RecipeJob(mesh.backend, Setup(ROWS, settings=settings, run_folder=True), Path(name))
        process = job.start()
        samples = list[Sample]()
        watcher = threading.Thread(target=_watch, args=(process.pid, mesh, samples))
        watcher.start()
        process.wait()
        watcher.join()
        ended = job.job.wait()
        if not ended.succeeded:
            raise BenchError("\n".join([*ended.lines[-15:], ended.banner]))
        if ended.left_open or ended.left_files:
            raise BenchError(f"left open: {ended.left_open}, left on disk: {ended.left_files}")
        outcomes = _outcomes(job.written)
        return {
            "conditions": now,
            "minutes": minutes,
            "faults": dict(trouble.counts),
            "outcomes": dict(outcomes),
            "objects": len(job.objects()),
            "samples": [list(asdict(it).values()) for it in samples],
        }


def _provider(trouble: Trouble) -> MeshServer:
    listed = {"id": LLM_ID, "type": "CUSTOM", "purposes": ["GENERIC_COMPLETION"]}
    return MeshServer(
        gate=Gate(PROJECT_KEY, {"any"}),
        llms=(listed,),
        fault=trouble.fault,
        answer=lambda question: f"{question.split(';')[0]}; The customer likes it.",
        delay_seconds=LATENCY_SECONDS,
        usage_missing_every=50,
    )


def _watch(pid: int, mesh: MeshServer, samples: list[Sample]) -> None:
    started, process = time.monotonic(), Path(f"/proc/{pid}")
    while True:
        try:
            status = dict(
                line.split(":\t", 1) for line in (process / "status").read_text().splitlines()
            )
            files = len(list((process / "fd").iterdir()))
            rss = int(status["VmRSS"].split()[0]) / 1024
        except (OSError, KeyError):
            return  # it has ended
        seconds = time.monotonic() - started
        samples.append(Sample(round(seconds, 1), round(rss, 1), int(status["Threads"]), files))
        mesh.calls.clear()  # else the server's memory is what grows
        time.sleep(SAMPLE_SECONDS)


def _outcomes(path: Path) -> Counter[str]:
    """How rows ended, by error type. Raises BenchError where one has not its own answer, or is missing."""
    ended = Counter[str]()
    with path.open(encoding="utf-8", newline="") as file:
        for row, cells in enumerate(csv.reader(file, delimiter="\t")):
            completion, error_type = cells[2], cells[3]
            if not error_type and not answers_row(row, completion):
                raise BenchError(f"row {row} got the answer {completion[:40]!r}")
            ended[error_type or "answered"] += 1
    if sum(ended.values()) != ROWS:
        raise BenchError(f"{sum(ended.values())} rows were written, not {ROWS}")
    return ended


def report(kept: dict[str, Any]) -> str:
    tenths = _tenths(kept)
    names = ["minutes", "RSS MiB, median", "threads, most", "open files, most"]
    lines = [_line(tenth) for tenth in tenths]
    head = (
        f"{kept['conditions']}. {kept['minutes']:g} minutes, {CONCURRENCY} calls at once at most,"
        f" {LATENCY_SECONDS * 1000:.0f} ms a call, concurrency found out, run folder on, one job."
    )
    ends = (
        f"- How the rows ended: {_counts(kept['outcomes'])}. `stopped` are those not asked when time was up; every"
        " answer is its row's."
    )
    wrong = f"- What went wrong, in calls: {_counts(kept['faults'])}."
    objects = f"- Objects in the run folder: {kept['objects']}."
    grew = [
        f"- {text}: {'' if it else '**not '}reached{'' if it else '**'}."
        for text, it in verdicts(tenths)
    ]
    return "\n".join([head, "", *table(names, lines), "", *grew, wrong, ends, objects])


def verdicts(tenths: Sequence[Sequence[Sample]]) -> list[tuple[str, bool]]:
    """From the second tenth, when all is warm, to the last."""
    warm, last = tenths[1], tenths[-1]
    grown = median(it.rss_mib for it in last) - median(it.rss_mib for it in warm)
    found = [
        (
            f"RSS grew by {grown:.1f} MiB, {MOST_GROWTH_MIB:.0f} are allowed",
            grown <= MOST_GROWTH_MIB,
        )
    ]
    for name in ("threads", "files"):
        before, after = (max(getattr(it, name) for it in some) for some in (warm, last))
        words = f"most {name} at once went from {before} to {after}, {SPARE} more are allowed"
        found.append((words, after <= before + SPARE))
    return found


def _tenths(kept: dict[str, Any]) -> list[Sequence[Sample]]:
    samples = [Sample(*it) for it in kept["samples"]]
    asking = [it for it in samples if it.seconds < 60 * kept["minutes"]]
    tenths = (asking[len(asking) * n // 10 : len(asking) * (n + 1) // 10] for n in range(10))
    return [it for it in tenths if it]


def _line(samples: Sequence[Sample]) -> list[str]:
    return [
        f"{samples[0].seconds / 60:.0f}-{samples[-1].seconds / 60:.0f}",
        f"{median(it.rss_mib for it in samples):.1f}",
        str(max(it.threads for it in samples)),
        str(max(it.files for it in samples)),
    ]


def _counts(counts: dict[str, int]) -> str:
    most = sorted(counts.items(), key=lambda it: -it[1])
    return ", ".join(f"{name} {count:,}" for name, count in most)


if __name__ == "__main__":
    main()
