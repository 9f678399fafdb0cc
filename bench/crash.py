"""`python -m bench.crash`: rows paid twice after a SIGKILL, and rows/s until then, beside peers that save answers."""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bench.lineup import RECIPE, Contender
from bench.page import rewrite, save, table
from bench.recipe_job import RecipeJob, Setup
from bench.results import conditions
from bench.stub import BenchError, compile_stub, running_stub

ROWS, LATENCY_MS, ROUNDS = 6_000, 50, 5
POLL_SECONDS = 0.005
LONGEST_SECONDS = 300
PEERS = {
    "saved_async_batch_llm": "async-batch-llm, JSON Lines",
    "saved_flexllm": "flexllm, JSON Lines",
    "saved_saturate": "saturate, parquet",
}
LINEUP = (
    Contender(
        RECIPE,
        "**the recipe, run folder**",
        "dss",
        ("openai", "aiohttp"),
        {},
        Setup(0, run_folder=True),
    ),
    *(
        Contender(name, title, "bench-saved", (title.split(",")[0],), {})
        for name, title in PEERS.items()
    ),
)


def main() -> None:
    """Exit code 1 when a contender failed."""
    parser = argparse.ArgumentParser(prog="python -m bench.crash", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    compile_stub()
    kept: dict[str, Any] = {"conditions": conditions(), "runs": {it.name: [] for it in LINEUP}}
    kept["versions"] = {it.name: it.versions() for it in LINEUP}
    for number in range(rounds):
        first = number % len(LINEUP)
        for contender in (*LINEUP[first:], *LINEUP[:first]):
            try:
                run = killed_and_resumed(contender)
            except BenchError as error:
                sys.exit(f"{contender.name} failed:\n{error}")
            kept["runs"][contender.name].append(run)
            print(number + 1, contender.name, run, flush=True)
        save("crash", kept)
    rewrite("crash", report(kept))


def killed_and_resumed(contender: Contender) -> dict[str, float]:
    """Killed when half of the rows are answered, run again to the end. Raises BenchError."""
    with tempfile.TemporaryDirectory() as name, running_stub(LATENCY_MS) as stub:
        prepared = contender.prepare(stub, ROWS, Path(name))
        process = prepared.start()
        started = time.monotonic()
        while stub.stats().answered < ROWS // 2 and process.poll() is None:
            if time.monotonic() > started + LONGEST_SECONDS:
                break
            time.sleep(POLL_SECONDS)
        process.kill()
        process.wait()
        until = stub.stats()
        if not 0 < until.answered < ROWS:
            raise BenchError(f"{until.answered} rows were answered when it was killed")
        if isinstance(prepared, RecipeJob):
            prepared.end()
        prepared.start().wait()
        prepared.check()
        seconds = until.last_answer - until.first_request
        return {
            "rows_a_second": until.answered / seconds,
            "answered_before": until.answered,
            "asked_before": until.requests,
            "paid_twice": stub.stats().requests - ROWS,
        }


def report(kept: dict[str, Any]) -> str:
    names = ["", "rows paid twice [range]", "of them in flight", "rows/s until then [range]"]
    lines = [_cells(it, kept["runs"][it.name]) for it in LINEUP if kept["runs"][it.name]]
    rounds = max(map(len, kept["runs"].values()))
    head = (
        f"{kept['conditions']}; medians of {rounds} rounds in rotation; {ROWS:,} rows, 64 at once, {LATENCY_MS} ms a"
        " call, SIGKILL when half of them are answered, then the same command again."
    )
    versions = [f"- {it.title}: {kept['versions'][it.name]}." for it in LINEUP]
    return "\n".join([head, "", *table(names, lines), "", *versions])


def _cells(contender: Contender, runs: Sequence[dict[str, float]]) -> list[str]:
    twice, speeds = ([it[key] for it in runs] for key in ("paid_twice", "rows_a_second"))
    in_flight = median(it["asked_before"] - it["answered_before"] for it in runs)
    return [
        contender.title,
        f"{median(twice):.0f} [{min(twice):.0f}-{max(twice):.0f}]",
        f"{in_flight:.0f}",
        f"{median(speeds):,.0f} [{min(speeds):,.0f}-{max(speeds):,.0f}]",
    ]


if __name__ == "__main__":
    main()
