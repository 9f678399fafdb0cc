"""The simulated figures as the tables of bench/scale.md."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any

from bench.page import table
from bench.scale.figures import HOUR, Folder

sys.path.append(str(Path(__file__).resolve().parents[2] / "python-lib"))
from mesh_prompt_batch.ownership import BEAT_SECONDS
from mesh_prompt_batch.saver import LONGEST_INTERVAL_SECONDS
from mesh_prompt_batch.share_keeper import BEAT_TIMES_BETWEEN, LONGEST_PAUSE_SECONDS
from mesh_prompt_batch.shares import SETTLE_SECONDS

Run = Mapping[str, Any]
SHOWN_BOUNDS = 3
LEAST_SHOWN = 0.02
# Of a merge of sixteen objects: its upload and what it makes superfluous.
REQUESTS_A_SAVE = 1 + 17 / 16
DAY = 24 * HOUR


def machine_line(kept: Run) -> str:
    machine = kept["machine"]
    return (
        f"- Measured: {machine['cpu_ms_a_row']:.2f} ms of CPU a row, {machine['startup_seconds']:.1f} s from the start"
        f" of the process to its first call, {1000 * machine['resume_ms_a_row']:.0f} µs to find a row's answer of an"
        f" earlier run, {1000 * machine['write_ms_a_row']:.0f} µs to write a row.\n"
        f"- Assumed: {machine['container_seconds']:.0f} s for a container to start, {machine['rebuilt_after']:.0f} s"
        " until an activity that failed is built again."
    )


def checks(kept: Run) -> str:
    names = [
        "scenario, 100,000 rows",
        "seconds: rows",
        "streams",
        "error",
        "paid twice: rows",
        "streams",
        "most objects: rows",
        "streams",
        "most in a minute ÷ limit: rows",
    ]
    ran = list(kept["checks"].values())
    lines = [_check(it) for it in ran]
    seeds = len(ran[0]["pairs"])
    at_once, a_minute = kept["found"]["at once"], kept["found"]["a minute"]
    hidden = (
        f"Limits that nobody tells are found out by the real limiters, row by row: ten runs used"
        f" {at_once['used']:.1%} of a limit of calls at once and were refused {at_once['refused']:.1%} more calls,"
        f" {a_minute['used']:.1%} of one a minute, {a_minute['refused']:.1%} refused. The streams are told this; the"
        " last two lines check it with other limits and fifty runs."
    )
    head = "One seed." if seeds == 1 else f"Means of {seeds} seeds."
    return "\n".join([head, "", *table(names, lines), "", hidden])


def _check(it: Run) -> list[str]:
    def both(figure: Callable[[Run], float]) -> tuple[float, float]:
        sides = ("rows", "streams")
        exact, streams = (mean(figure(pair[side]) for pair in it["pairs"]) for side in sides)
        return exact, streams

    exact, streams = both(lambda told: float(told["seconds"]))
    paid, also = both(_paid_twice)
    objects, and_also = both(lambda told: float(told["most_objects"]))
    most, _ = both(lambda told: float(told["most_a_minute"]))
    limit = it["limit_a_minute"]
    return [
        it["name"],
        f"{exact:,.0f}",
        f"{streams:,.0f}",
        f"{streams / exact - 1:+.1%}",
        f"{paid:,.0f}",
        f"{also:,.0f}",
        f"{objects:,.0f}",
        f"{and_also:,.0f}",
        f"{most / limit:.3f}" if limit else "-",
    ]


def _paid_twice(told: Run) -> float:
    return float(told["lost_in_flight"]) + float(told["lost_unsaved"])


def scenario_table(kept: Run) -> str:
    names = [
        "scenario",
        "time [range]",
        "rows/s",
        "limit used",
        "most in a minute",
        "killed, stopped",
        "rows paid twice [range]",
        "of all",
        "at most, by the rule",
        "objects: most",
        "at the end",
        "what bounds it, of the time of all activities",
    ]
    ran = list(kept["scenarios"].values())
    lines = [_scenario(it) for it in ran]
    seeds = len(ran[0]["runs"])
    return "\n".join([f"Medians of {seeds} seeds, and their range.", "", *table(names, lines)])


def _scenario(it: Run) -> list[str]:
    runs: Sequence[Run] = it["runs"]

    def middle(name: str) -> float:
        return float(median(run[name] for run in runs))

    twice = [_paid_twice(run) for run in runs]
    return [
        it["name"],
        f"{_hours(middle('seconds'))} [{_range([run['seconds'] for run in runs], _hours)}]",
        f"{runs[0]['rows'] / middle('seconds'):,.0f}",
        _limit_used(it),
        _most_in_a_minute(it),
        f"{middle('kills'):.0f}, {middle('stops'):.0f}",
        f"{median(twice):,.0f} [{_range(twice, lambda count: f'{count:,.0f}')}]",
        f"{median(twice) / runs[0]['rows']:.4%}",
        f"{middle('kills') * _most_a_kill(it):,.0f}",
        f"{middle('most_objects'):,.0f}",
        f"{middle('objects'):,.0f}",
        _bounds(runs),
    ]


def _limit_used(it: Run) -> str:
    """Until the last row of the last partition is asked."""
    if it["limit_a_minute"] is None:
        return "-"
    used = [run["rows"] / (it["limit_a_minute"] / 60 * run["asked_seconds"]) for run in it["runs"]]
    return f"{median(used):.1%}"


def _most_in_a_minute(it: Run) -> str:
    """Of the limit: streams never pass it, and single rows by one call a run at most."""
    limit = it["limit_a_minute"]
    if limit is None:
        return "-"
    return f"{(max(run['most_a_minute'] for run in it['runs']) + it['partitions']) / limit:.2%}"


def _most_a_kill(it: Run) -> float:
    """Calls in flight, and what was answered since the last upload began: two intervals and an upload at most."""
    unsaved: float = LONGEST_INTERVAL_SECONDS + 2 * it["request_seconds"]
    return float(it["at_once"]) + float(it["nominal_rate"]) * unsaved


def _range(values: Sequence[float], shown: Callable[[float], str]) -> str:
    return f"{shown(min(values))}-{shown(max(values))}"


def _hours(seconds: float) -> str:
    if seconds < HOUR:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / HOUR:.1f} h" if seconds < 3 * DAY else f"{seconds / DAY:.1f} days"


def _bounds(runs: Sequence[Run]) -> str:
    names = dict.fromkeys(name for run in runs for name in run["bounds"])
    means = {name: mean(run["bounds"].get(name, 0.0) for run in runs) for name in names}
    most = sorted(means.items(), key=lambda it: -it[1])[:SHOWN_BOUNDS]
    return ", ".join(f"{name} {part:.0%}" for name, part in most if part >= LEAST_SHOWN)


def many(kept: Run) -> str:
    names = [
        "partitions at once",
        "time",
        "rows/s",
        "limit used",
        "objects, most",
        "requests to the folder a second",
        "names it lists a second",
        "what bounds it",
    ]
    lines: dict[str, list[list[str]]] = {}
    for it in kept["by_partitions"].values():
        lines.setdefault(it["name"], []).append(_many(it))
    parts = []
    for name, its in lines.items():
        parts += [f"**{name[0].upper()}{name[1:]}**", "", *table(names, its), ""]
    return "\n".join(parts)


def _many(it: Run) -> list[str]:
    (run,) = it["runs"]
    requests, listed = folder_load(it, run["most_objects"])
    return [
        str(it["partitions"]),
        _hours(run["seconds"]),
        f"{run['rows'] / run['seconds']:,.0f}",
        _limit_used(it),
        f"{run['most_objects']:,}",
        f"{requests:,.0f}",
        f"{listed:,.0f}",
        _bounds([run]),
    ]


def folder_load(it: Run, objects: float) -> tuple[float, float]:
    """Requests and names listed, a second, while all partitions ask and the folder holds so many objects."""
    folder = Folder(it["request_seconds"])
    listings, requests = 1 / BEAT_SECONDS, 3 / BEAT_SECONDS + REQUESTS_A_SAVE / it["upload_every"]
    if it["limit_a_minute"] is not None:
        took = folder.listing(objects) + 2 * folder.write()
        pause = min(max(SETTLE_SECONDS, BEAT_TIMES_BETWEEN * took), LONGEST_PAUSE_SECONDS)
        listings += 1 / (took + pause)
        requests += 3 / (took + pause)
    return it["partitions"] * requests, it["partitions"] * listings * objects
