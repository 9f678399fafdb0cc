"""`python -m bench.partitions`: rows/s of one, two and four partitions at once, which share their limits."""

import argparse
import random
import sys
from statistics import mean, median
from typing import Any

from bench.crash import LINEUP, killed_and_resumed
from bench.page import SCALE, rewrite, save, saved, table
from bench.partition_jobs import CASES, Case, measured
from bench.scale.figures import Folder
from bench.scale.saving import SavingProfile
from bench.stub import BenchError, compile_stub

ROUNDS = 3
# One partition that is killed and goes on: what the simulation of saving is compared with.
KILLED, ANSWER_BYTES = "killed", 500.0


def main() -> None:
    """Exit code 1 when a job failed."""
    chosen = arguments()
    compile_stub()
    for number in range(chosen.rounds):
        for name in chosen.only:
            case = CASES.get(name)
            try:
                run = killed_and_resumed(LINEUP[0]) if case is None else measured(case)
            except BenchError as error:
                sys.exit(f"{name} failed:\n{error}")
            print(number + 1, name, run, flush=True)
            kept = saved("partitions") or {}
            kept.setdefault(name, {"runs": []})["runs"].append(run)
            save("partitions", {it: kept[it] for it in (*CASES, KILLED) if it in kept})
    rewrite("measured", report(saved("partitions") or {}), SCALE)


def arguments() -> argparse.Namespace:
    names = [*CASES, KILLED]
    parser = argparse.ArgumentParser(prog="python -m bench.partitions", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="beside those in results/")
    parser.add_argument("--only", nargs="*", choices=names, default=names)
    return parser.parse_args()


def report(kept: dict[str, Any]) -> str:
    names = [
        "latency",
        "partitions at once",
        "calls at once in each",
        "rows/s of all [range]",
        "x one",
        "of ideal",
        "CPU ms/row",
        "cores: jobs",
        "cores: server",
        "cores: others",
        "start-up s",
        "finish s",
    ]
    ran = [case for name, case in CASES.items() if name in kept]
    lines = [_cells(case, kept) for case in ran]
    where = [run["conditions"] for it in ran for run in kept[it.name]["runs"]]
    rounds = max((len(kept[it.name]["runs"]) for it in ran), default=0)
    head = (
        f"Medians of {rounds} rounds at most; one of the conditions: {where[0] if where else ''}."
    )
    return "\n".join((head, "", *table(names, lines), *_killed(kept)))


def _killed(kept: dict[str, Any]) -> list[str]:
    """What the simulation of saving says of the same: answers of so many seconds, in a folder that takes no time."""
    if KILLED not in kept:
        return []
    runs = kept[KILLED]["runs"]
    unsaved = [it["paid_twice"] - it["asked_before"] + it["answered_before"] for it in runs]
    told = ", ".join(
        f"{count:.0f} at {it['rows_a_second']:,.0f} rows/s"
        for it, count in zip(runs, unsaved, strict=True)
    )
    pace = median(it["rows_a_second"] for it in runs)
    profile = SavingProfile.of(pace, 60.0, Folder(0.005), ANSWER_BYTES)
    drawn = random.Random(1)
    simulated = mean(pace * profile.unsaved_seconds(drawn) for _ in range(1000))
    sentence = (
        f"Answered and not yet saved when a run of 64 calls at once at 50 ms was killed: {told}."
        f" The simulation of saving below says {simulated:.0f} at {pace:,.0f} rows/s."
    )
    return ["", sentence]


def _cells(case: Case, kept: dict[str, Any]) -> list[str]:
    def middle(name: str, of: Case = case) -> float:
        return float(median(it[name] for it in kept[of.name]["runs"]))

    alone = next(it for it in CASES.values() if it.latency_ms == case.latency_ms)
    speeds = [it["rows_a_second"] for it in kept[case.name]["runs"]]
    ideal = case.processes * case.at_once * 1000 / case.latency_ms if case.latency_ms else 0.0
    speed = middle("rows_a_second")
    return [
        f"{case.latency_ms} ms",
        str(case.processes),
        str(case.at_once),
        f"{speed:,.0f} [{min(speeds):,.0f}-{max(speeds):,.0f}]",
        f"{speed / middle('rows_a_second', alone):.2f}" if alone.name in kept else "-",
        f"{speed / ideal:.0%}" if ideal else "-",
        f"{middle('cpu_ms_a_row'):.2f}",
        f"{middle('cores_of_jobs'):.2f}",
        f"{middle('cores_of_server'):.2f}",
        f"{middle('other_cores'):.2f}",
        f"{middle('startup_seconds'):.1f}",
        f"{middle('finish_seconds'):.1f}",
    ]


if __name__ == "__main__":
    main()
