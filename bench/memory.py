"""`python -m bench.memory`: does memory grow with the dataset? The recipe, with order, run folder and output on.

A million rows take some 20 minutes on a quiet machine. Figures of cases that are not run now are kept.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.measure import KIB_A_MIB, run_to_end
from bench.page import rewrite, save, saved, table
from bench.recipe_job import RecipeJob, Setup
from bench.results import conditions
from bench.stub import BenchError, compile_stub, running_stub

LONGEST_SECONDS = 4 * 3600
HANG_EVERY = 100
TIMEOUT_SECONDS = 2
MOST_SPREAD_MIB = 15.0


@dataclass(frozen=True, slots=True)
class Case:
    """`characters` of a user message; with `hanging` every hundredth call is never answered."""

    rows: int
    characters: int
    hanging: bool = False

    @property
    def name(self) -> str:
        return f"{self.rows}x{self.characters}{'h' * self.hanging}"

    @property
    def title(self) -> str:
        return f"{self.characters // 1000} kB cells{', 1 % of calls hang' * self.hanging}"


CASES = (
    Case(10_000, 1_000),
    Case(100_000, 1_000),
    Case(1_000_000, 1_000),
    Case(10_000, 20_000),
    Case(100_000, 20_000),
    Case(10_000, 1_000, hanging=True),
    Case(100_000, 1_000, hanging=True),
    Case(1_000_000, 1_000, hanging=True),
)


def main() -> None:
    """Exit code 1 when a case failed."""
    chosen = arguments()
    compile_stub()
    for case in CASES:
        if case.name in chosen.only:
            try:
                run = measured(case)
            except BenchError as error:
                sys.exit(f"{case.name} failed:\n{error}")
            print(case.name, run, flush=True)
            kept = {**(saved("memory") or {}), case.name: run}
            save("memory", {it.name: kept[it.name] for it in CASES if it.name in kept})
    rewrite("memory", report(saved("memory") or {}))


def arguments() -> argparse.Namespace:
    names = [it.name for it in CASES]
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    return parser.parse_args()


def measured(case: Case) -> dict[str, object]:
    """Raises BenchError when the job failed, or its output is not right."""
    settings = {"timeout_seconds": TIMEOUT_SECONDS} if case.hanging else {}
    setup = Setup(case.rows, case.characters, settings, run_folder=True)
    now, hang_every = conditions(), HANG_EVERY if case.hanging else 0
    with tempfile.TemporaryDirectory() as name, running_stub(0, hang_every=hang_every) as stub:
        job = RecipeJob(stub.host, setup, Path(name))
        ended = run_to_end(job, LONGEST_SECONDS)
        stats = stub.stats()
        job.check()
        return {
            **asdict(case),
            "peak_rss_mib": ended.usage.ru_maxrss / KIB_A_MIB,
            "rows_a_second": case.rows / (stats.last_answer - stats.first_request),
            "cpu_ms_a_row": ended.cpu_seconds / case.rows * 1000,
            "calls": stats.requests,
            "objects": len(job.objects()),
            "conditions": now,
        }


def report(kept: dict[str, Any]) -> str:
    ran = [(case, kept[case.name]) for case in CASES if case.name in kept]
    lines = [
        [
            case.title,
            f"{case.rows:,}",
            f"{run['peak_rss_mib']:.0f}",
            f"{run['calls']:,}",
            f"{run['rows_a_second']:,.0f}",
            f"{run['cpu_ms_a_row']:.2f}",
            str(run["objects"]),
        ]
        for case, run in ran
    ]
    names = ["", "rows", "peak RSS MiB", "calls", "rows/s", "CPU ms/row, whole process", "objects"]
    verdicts = [_spread(title, ran) for title in dict.fromkeys(case.title for case, _ in ran)]
    where = [f"- {case.rows:,} rows, {case.title}: {run['conditions']}." for case, run in ran]
    return "\n".join([*table(names, lines), "", *verdicts, "", *where])


def _spread(title: str, ran: Sequence[tuple[Case, Any]]) -> str:
    peaks = [run["peak_rss_mib"] for case, run in ran if case.title == title]
    if len(peaks) == 1:
        return f"- {title}: one size alone says nothing about growth."
    spread = max(peaks) - min(peaks)
    verdict = "reached" if spread <= MOST_SPREAD_MIB else "**not reached**"
    return f"- {title}: within {spread:.1f} MiB of each other, {MOST_SPREAD_MIB:.0f} are allowed: {verdict}."


if __name__ == "__main__":
    main()
