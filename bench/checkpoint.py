"""`python -m bench.checkpoint`: what order, fingerprints and saved answers cost, at 0 ms a call."""

import argparse

from bench.lineup import BARE, RECIPE, Contender
from bench.page import RESULTS, rewrite, table
from bench.recipe_job import Setup
from bench.report import cells, columns, versions_and_failures
from bench.results import Results, conditions
from bench.run import entered, run_round
from bench.stub import compile_stub

ROWS, ROUNDS = 20_000, 5
MOST_COST = 0.20
WITHOUT, SAVED, SLOWLY = "run_without_store", "recipe_saved", "recipe_saved_slowly"
PACKAGES = ("openai", "aiohttp")
LINEUP = (
    Contender(SAVED, "**run folder**", "dss", PACKAGES, {}, Setup(0, run_folder=True)),
    Contender(
        SLOWLY,
        "**run folder, 100 ms a request to it**",
        "dss",
        PACKAGES,
        {},
        Setup(0, run_folder=True, folder_seconds=0.1),
    ),
    Contender(RECIPE, "no run folder", "dss", PACKAGES, {}, Setup(0)),
    Contender(WITHOUT, "neither order, fingerprints nor run folder", "dss", PACKAGES, {}),
    Contender(BARE, "bare `client.post` on aiohttp", "dss", PACKAGES, {}),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.checkpoint", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    compile_stub()
    results = Results(0, conditions())
    for contender in LINEUP:
        results.entries[contender.name] = entered(contender, ROWS)
    for number in range(1, rounds + 1):
        run_round(results, LINEUP, number)
        results.save(RESULTS / "checkpoint.json")
    rewrite("checkpoint", report(results))


def report(results: Results) -> str:
    lines = [cells(results, name, entry, SAVED) for name, entry in results.ran().items()]
    rounds = max((len(it.runs) for it in results.entries.values()), default=0)
    costs = [
        _cost(results, SAVED, WITHOUT, "order, fingerprints and run folder, of a run without"),
        _cost(results, SLOWLY, WITHOUT, "the same with 100 ms a request to the run folder"),
        _cost(results, SAVED, RECIPE, "the run folder, of the same run without it"),
        _cost(results, SLOWLY, RECIPE, "the same with 100 ms a request to the run folder"),
    ]
    head = f"{results.conditions}; median of {rounds} rounds in rotation."
    return "\n".join(
        [
            *table(["cost in rows/s", "measured", f"at most {MOST_COST:.0%}"], costs),
            "",
            head,
            "",
            *table(columns("run folder ÷ it"), lines),
            "",
            *versions_and_failures(results),
        ]
    )


def _cost(results: Results, name: str, of: str, text: str) -> list[str]:
    ratio = results.ratio(name, of)
    if ratio is None:
        return [text, "not measured", ""]
    return [text, f"{1 - ratio:.1%}", "reached" if 1 - ratio <= MOST_COST else "**not reached**"]


if __name__ == "__main__":
    main()
