"""A hundred million rows: what is simulated, and with which figures measured here."""

import json
from collections.abc import Mapping
from dataclasses import replace
from statistics import median
from typing import Any

from bench.page import RESULTS
from bench.scale.figures import HOUR, Folder, Machine, Provider, Scenario

ROWS, PARTITIONS = 100_000_000, 50
# A provider that answers within seconds, and one beside the cluster that answers at once.
HOSTED, FAST = Provider(latency=2.0, spread=0.5), Provider(latency=0.05, spread=0.3)
REQUESTS, TOKENS = 90_000, 45_000_000
OUTAGE = ((5 * HOUR, 6 * HOUR),)
OBJECT_STORE = Folder(request_seconds=0.1)


def measured() -> Machine:
    """An activity, by what one job takes here on a core of its own."""
    alone = _results("memory")["100000x1000"]
    started = _results("0ms")["entries"]["recipe"]["runs"].values()
    few, many = _few_and_many(_results("resume")["runs"])
    answers = many["answered"] - few["answered"]
    reading = many["cpu_seconds_until_sending"] - few["cpu_seconds_until_sending"]
    writing = _after_sending(many) - _after_sending(few)
    return Machine(
        cpu_ms_a_row=1000 / alone["rows_a_second"],
        startup_seconds=median(it["startup_seconds"] for it in started),
        resume_ms_a_row=reading / answers * 1000,
        write_ms_a_row=max(0.0, writing) / answers * 1000,
    )


def _results(name: str) -> Mapping[str, Any]:
    kept: Mapping[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return kept


def _few_and_many(runs: Any) -> tuple[Mapping[str, float], Mapping[str, float]]:  # noqa: ANN401  # JSON
    by_size = sorted(runs, key=lambda it: float(it["answered"]))
    return by_size[0], by_size[-1]


def _after_sending(run: Mapping[str, float]) -> float:
    return run["seconds_in_all"] - run["seconds_until_sending"]


def scenarios(machine: Machine) -> list[Scenario]:
    """Each changes one thing of the first, but for the last."""
    told = _told(machine)
    trouble = replace(HOSTED, outages=OUTAGE)
    return [
        told,
        replace(
            told, name="tokens bind", requests_per_minute=135_000, tokens_per_minute=28_800_000
        ),
        replace(told, name="sizes differ, sigma 0.3", size_spread=0.3),
        replace(told, name="the same, 512 calls at once", size_spread=0.3, at_once=512),
        replace(told, name="5 % of activities killed an hour", kills_an_hour=0.05),
        replace(told, name="folder of 100 ms a request", folder=OBJECT_STORE),
        replace(told, name="outage of an hour", provider=trouble),
        replace(told, name="outage, 'Longest wait' two hours", provider=trouble, patience=2 * HOUR),
        replace(
            told,
            name="throttled to a half for an hour",
            provider=replace(HOSTED, throttled=OUTAGE, throttled_a_minute=REQUESTS // 2, tells=2.0),
        ),
        _untold(told, "2,000 calls at once, not told", replace(HOSTED, bears=2_000)),
        _untold(told, "90,000 a minute, not told", replace(HOSTED, a_minute=REQUESTS, tells=2.0)),
        replace(_untold(told, "a provider that answers in 50 ms", FAST), at_once=64),
        replace(
            told,
            name="all of it: sizes, kills, slow folder, outage",
            size_spread=0.3,
            kills_an_hour=0.05,
            folder=OBJECT_STORE,
            provider=trouble,
        ),
    ]


def _told(machine: Machine) -> Scenario:
    return Scenario(
        "limits told",
        ROWS,
        PARTITIONS,
        machine,
        HOSTED,
        requests_per_minute=REQUESTS,
        tokens_per_minute=TOKENS,
        size_spread=0.02,
    )


def _untold(told: Scenario, name: str, provider: Provider) -> Scenario:
    return replace(
        told, name=name, provider=provider, requests_per_minute=None, tokens_per_minute=None
    )


HOW_MANY = (1, 2, 5, 10, 20, 50, 100, 200)


def by_partitions(machine: Machine) -> list[Scenario]:
    """The same rows in more and more partitions: a provider with limits, and one without."""
    everything = scenarios(machine)
    bases = (everything[0], next(it for it in everything if it.provider == FAST))
    return [replace(base, partitions=count) for base in bases for count in HOW_MANY]


# Small enough for every single row, with as much trouble as there is.
CHECKED_ROWS = 100_000


def checked(machine: Machine) -> list[Scenario]:
    """What both simulations run. Activities come back soon, or little would happen within minutes."""
    quick = replace(machine, container_seconds=5.0, rebuilt_after=20.0)
    told = Scenario(
        "limits told",
        CHECKED_ROWS,
        PARTITIONS,
        quick,
        HOSTED,
        at_once=32,
        requests_per_minute=24_000,
        tokens_per_minute=12_000_000,
        size_spread=0.1,
    )
    trouble = replace(HOSTED, outages=((100.0, 160.0),))
    return [
        told,
        replace(told, name="tokens bind", requests_per_minute=36_000, tokens_per_minute=7_680_000),
        replace(told, name="kills, slow folder", kills_an_hour=3.0, folder=OBJECT_STORE),
        replace(told, name="outage of 60 s", provider=trouble),
        replace(told, name="outage, patience of 20 s", provider=trouble, patience=20.0),
        replace(_untold(told, "a provider that answers in 50 ms", FAST), partitions=10, at_once=64),
        replace(
            told,
            name="throttled to a half for 100 s",
            provider=replace(
                HOSTED, throttled=((100.0, 200.0),), throttled_a_minute=12_000, tells=2.0
            ),
        ),
        # Other limits and more runs than those that `calibrating` learns from.
        _untold(told, "1,000 calls at once, not told", replace(HOSTED, bears=1_000)),
        _untold(told, "24,000 a minute, not told", replace(HOSTED, a_minute=24_000, tells=2.0)),
    ]


def calibrating(machine: Machine) -> dict[str, Scenario]:
    """Hidden limits: row by row, what part of them runs use that find them out."""
    quick = replace(machine, container_seconds=0.0, startup_seconds=0.0, write_ms_a_row=0.0)
    small = Scenario("", 30_000, 10, quick, HOSTED)
    return {
        "at once": replace(small, provider=replace(HOSTED, bears=200)),
        "a minute": replace(small, provider=replace(HOSTED, a_minute=6_000, tells=2.0)),
    }
