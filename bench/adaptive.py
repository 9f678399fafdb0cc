"""`python -m bench.adaptive`: concurrency that is found out against the best fixed one, in virtual time."""

import argparse
import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.page import rewrite, save, table

sys.path.append(str(Path(__file__).resolve().parents[1] / "python-lib"))
sys.path.append(str(Path(__file__).resolve().parents[1] / "tests/python"))
from simulated_provider import Provider
from simulated_run import HIDDEN, WARM_UP, seconds

from mesh_prompt_batch.own_limits import Limits

SEEDS = 10
MOST = 64
LEAST_RATIO, MOST_REFUSED = 0.90, 0.05


@dataclass(frozen=True, slots=True)
class Run:
    """`ratio`: rows/s over those of the best fixed concurrency; `refused`: share of the calls after warm-up."""

    seed: int
    best: int
    ratio: float
    refused: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.adaptive", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    seeds = range(1, parser.parse_args().seeds + 1)
    # What gates warn of is what is simulated.
    logging.disable(logging.WARNING)
    kept: dict[str, Any] = {}
    for name, hidden in HIDDEN.items():
        runs = [compared(hidden, seed) for seed in seeds]
        kept[name] = {
            **_judged(runs),
            "runs": [[it.seed, it.best, it.ratio, it.refused] for it in runs],
        }
        print(name, _judged(runs), flush=True)
    save("adaptive", kept)
    rewrite("adaptive", report(kept, len(seeds)))


def compared(hidden: Mapping[str, Any], seed: int) -> Run:
    """Over as many rows as the provider can bear in five minutes."""
    provider = Provider(**hidden, seed=seed)
    bears, pace = min(MOST, provider.bears), hidden.get("a_minute")
    rows = min(int(300 / provider.latency * bears), 5 * provider.a_minute)
    took = seconds(provider, rows, Limits(MOST))[1]
    # Whoever knows the limit of calls at once, or a minute, does best with just that.
    fixed = {
        size: seconds(
            Provider(**hidden, seed=seed),
            rows,
            Limits(size, adaptive=False, requests_per_minute=pace),
        )[1]
        for size in fixed_sizes(bears)
    }
    best = min(fixed, key=lambda size: fixed[size])
    return Run(seed, best, fixed[best] / took, provider.refused_share(WARM_UP))


def fixed_sizes(bears: int) -> Sequence[int]:
    """The concurrencies that may be the best."""
    near = {bears - 1, *(int(bears * part) for part in (0.5, 0.75, 1.0, 1.25))}
    return sorted({min(MOST, max(1, it)) for it in near} | {MOST})


def _judged(runs: Sequence[Run]) -> dict[str, float]:
    return {
        "median_ratio": median(it.ratio for it in runs),
        "worst_ratio": min(it.ratio for it in runs),
        "median_refused": median(it.refused for it in runs),
        "worst_refused": max(it.refused for it in runs),
    }


def report(kept: Mapping[str, Any], seeds: int) -> str:
    lines = [
        [
            name,
            f"{it['median_ratio']:.3f}",
            f"{it['worst_ratio']:.3f}",
            f"{it['median_refused']:.1%}",
            f"{it['worst_refused']:.1%}",
            "reached"
            if it["worst_ratio"] >= LEAST_RATIO and it["worst_refused"] <= MOST_REFUSED
            else "**not reached**",
        ]
        for name, it in kept.items()
    ]
    names = ["provider", "rows/s ÷ best fixed, median", "worst", "refused, median", "worst", ""]
    head = (
        f"Five minutes of simulated work each, {seeds} seeds, at most {MOST} at once, start of the run included;"
        f" refused calls are counted after {WARM_UP:.0f} s. The best of these fixed ones: half of what the provider"
        f" bears, three quarters, one less, just that, a quarter more, and {MOST}. Every seed is to reach"
        f" {LEAST_RATIO:.2f} and at most {MOST_REFUSED:.0%} refused."
    )
    return "\n".join([head, "", *table(names, lines)])


if __name__ == "__main__":
    main()
