"""`python -m bench.run`: the contenders side by side, in rotation; figures to results/ and README.md.

Needs Linux, a C compiler and Python 3.10 or newer, 3.11 for peers; each environment is made on first use.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.lineup import LATENCIES, LINEUP, Contender
from bench.measure import measured
from bench.page import RESULTS, rewrite
from bench.report import report
from bench.results import Entry, Results, conditions, load
from bench.stub import BenchError, compile_stub, running_stub

HERE = Path(__file__).resolve().parent
QUICK_RESULTS = HERE / "build" / "quick"
ROUNDS = 5


def main() -> None:
    """Exit code 1 when a contender failed; what the others did stands."""
    chosen = arguments()
    contenders = [it for it in LINEUP if it.name in chosen.only]
    folder, rounds = (QUICK_RESULTS, 1) if chosen.quick else (RESULTS, chosen.rounds)
    try:
        compile_stub()
    except BenchError as error:
        sys.exit(str(error))
    by_latency = {}
    for latency_ms in chosen.latency:
        path = folder / f"{latency_ms}ms.json"
        results = load(path) if chosen.more else Results(latency_ms, conditions())
        by_latency[latency_ms] = results
        for contender in contenders:
            rows = contender.rows_at(latency_ms, quick=chosen.quick)
            if rows and contender.name not in results.entries:
                results.entries[contender.name] = entered(contender, rows)
        first = results.rounds + 1
        for number in range(first, first + rounds):
            run_round(results, contenders, number)
            results.save(path)  # a benchmark that is cut short leaves what it measured
    if not chosen.quick:
        by_latency = {it.latency_ms: it for it in map(load, RESULTS.glob("*ms.json"))}
        rewrite("speed", report(by_latency))
    print(report(by_latency))
    if any(entry.failures for it in by_latency.values() for entry in it.entries.values()):
        sys.exit(1)


def arguments() -> argparse.Namespace:
    names = [it.name for it in LINEUP]
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="one round of few rows; README and results/ stay"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--more", action="store_true", help="rounds beside those in results/")
    parser.add_argument("--latency", type=int, nargs="+", choices=LATENCIES, default=LATENCIES)
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    return parser.parse_args()


def entered(contender: Contender, rows: int) -> Entry:
    """Ready to run, or with the failure to install as its only one."""
    try:
        return Entry(contender.title, rows, contender.versions())
    except BenchError as error:
        print(f"{contender.name} is left out: {error}", file=sys.stderr)
        return Entry(contender.title, rows, "", failures=[str(error)])


def run_round(results: Results, contenders: Sequence[Contender], number: int) -> None:
    """Each round starts with another contender: none always runs on what the same neighbour left."""
    first = (number - 1) % len(contenders)
    for contender in (*contenders[first:], *contenders[:first]):
        entry = results.entries.get(contender.name)
        if entry is None or not entry.versions:
            continue
        try:
            with tempfile.TemporaryDirectory() as name, running_stub(results.latency_ms) as stub:
                prepared = contender.prepare(stub, entry.rows, Path(name))
                run = entry.runs[number] = measured(prepared, stub, entry.rows)
        except BenchError as error:
            entry.failures.append(f"round {number}: {str(error).splitlines()[-1]}")
            print(f"{contender.name} failed:\n{error}", file=sys.stderr, flush=True)
            continue
        print(
            f"{results.latency_ms:>3} ms, round {number}: {contender.name:<17}{run.rows_a_second:>8,.0f} rows/s"
            f"{run.cpu_ms_a_row:>7.2f} ms CPU a row{run.peak_rss_mib:>6.0f} MiB"
            f"  (others kept {run.other_cores:.2f} cores busy)",
            flush=True,
        )


if __name__ == "__main__":
    main()
