"""`python -m bench.scale`: a hundred million rows over fifty activities, simulated; figures to results/, scale.md."""

import argparse
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bench.page import SCALE, rewrite, save, saved
from bench.scale.activity import Found, hidden_rate
from bench.scale.figures import Scenario, Told
from bench.scale.fluid import Fluid
from bench.scale.report import checks, machine_line, many, scenario_table
from bench.scale.row_by_row import RowByRow
from bench.scale.saving import SavingProfile, profile_of
from bench.scale.scenarios import (
    by_partitions,
    calibrating,
    checked,
    measured,
    scenarios,
)

SEEDS, CHECK_SEEDS = 5, 1
CALIBRATION, SCENARIOS = "hidden limits", "scenarios"
SECTIONS = (
    ("machine", "machine", machine_line),
    ("checks", "checks", checks),
    ("scenarios", "scenarios", scenario_table),
    ("by_partitions", "partitions", many),
)
WARM_UP, ENDING = 60.0, 0.8


def main() -> None:
    """Figures of parts that are not run now are kept."""
    chosen = arguments()
    # Each of fifty runs would tell of each outage.
    logging.getLogger("mesh_prompt_batch").setLevel(logging.ERROR)
    machine = measured()
    check = {it.name: it for it in checked(machine)}
    for name, scenario in calibrating(machine).items():
        if CALIBRATION in chosen.only:
            keep("found", {name: asdict(found_by(scenario))})
    for name in chosen.only:
        if name in check:
            keep("checks", {name: compared(check[name], range(1, chosen.checks + 1))})
    if SCENARIOS in chosen.only:
        seeds = range(1, chosen.seeds + 1)
        keep("machine", asdict(machine))
        keep("scenarios", {it.name: simulated(it, seeds) for it in scenarios(machine)})
        runs = [simulated(it, seeds[:1]) for it in by_partitions(machine)]
        keep("by_partitions", {f"{it['name']}, {it['partitions']}": it for it in runs})
    kept = saved("scale")
    for part, section, text in SECTIONS:
        if part in kept:
            rewrite(section, text(kept), SCALE)


def arguments() -> argparse.Namespace:
    parts = [CALIBRATION, *(it.name for it in checked(measured())), SCENARIOS]
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--checks", type=int, default=CHECK_SEEDS, help="seeds row by row")
    parser.add_argument(
        "--only", nargs="*", choices=parts, default=parts, help="nothing: the page alone"
    )
    return parser.parse_args()


def keep(part: str, figures: Mapping[str, Any]) -> None:
    kept = saved("scale") or {}
    kept[part] = {**kept.get(part, {}), **figures}
    save("scale", kept)


def found_of(scenario: Scenario) -> Found | None:
    """What its limiters find out of a limit that nobody tells."""
    provider = scenario.provider
    is_a_minute = provider.a_minute or provider.throttled
    name = "at once" if provider.bears else "a minute" if is_a_minute else ""
    return Found(**saved("scale")["found"][name]) if name else None


def found_by(scenario: Scenario) -> Found:
    """What the real limiters of several runs make of a hidden limit, once they know it."""
    simulation = RowByRow(scenario, seed=100)
    told = simulation.run()
    begin, end = WARM_UP, ENDING * told.asked_seconds
    begun = simulation.provider.between(begin, end)
    found = Found(
        used=begun.taken / (end - begin) / hidden_rate(scenario.provider)[1],
        refused=begun.refused / begun.taken,
    )
    print(scenario.provider, found, flush=True)
    return found


def compared(scenario: Scenario, seeds: Sequence[int]) -> dict[str, Any]:
    """Both simulations of each seed."""
    profile, found = profile_of(scenario), found_of(scenario)
    pairs = []
    for seed in seeds:
        began = time.process_time()
        exact = RowByRow(scenario, seed)
        rows = exact.run()
        took = time.process_time() - began
        streams = Fluid(scenario, profile, seed, found).run()
        print(f"{scenario.name}, seed {seed}, {took:.0f} s of CPU:", file=sys.stderr)
        print(f"  {rows}\n  {streams}, {exact.failed} failed", file=sys.stderr, flush=True)
        pairs.append({"rows": _told(rows), "streams": _told(streams), "failed": exact.failed})
    return {**_described(scenario), "pairs": pairs}


_PROFILES: dict[tuple[object, ...], SavingProfile] = {}


def simulated(scenario: Scenario, seeds: Sequence[int]) -> dict[str, Any]:
    found = found_of(scenario)
    key = (scenario.nominal_rate, scenario.rows / scenario.partitions, scenario.folder)
    if key not in _PROFILES:
        _PROFILES[key] = profile_of(scenario)
    profile = _PROFILES[key]
    runs = [Fluid(scenario, profile, seed, found).run() for seed in seeds]
    print(scenario.name, scenario.partitions, runs[0], file=sys.stderr, flush=True)
    return {
        **_described(scenario),
        "upload_every": profile.period,
        "runs": [_told(it) for it in runs],
    }


def _described(scenario: Scenario) -> dict[str, Any]:
    return {
        "name": scenario.name,
        "partitions": scenario.partitions,
        "limit_a_minute": scenario.limit_a_minute if scenario.shares_limits else None,
        "at_once": scenario.at_once,
        "nominal_rate": scenario.nominal_rate,
        "request_seconds": scenario.folder.request_seconds,
    }


def _told(told: Told) -> dict[str, Any]:
    return {**asdict(told), "bounds": dict(told.bound_shares()) if told.bounds else {}}


if __name__ == "__main__":
    main()
