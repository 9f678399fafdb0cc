"""The measured runs of one latency: gathered, kept as JSON, read back."""

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from statistics import median
from typing import Any

from bench.measure import Figures
from bench.workload import CONCURRENCY


@dataclass(slots=True)
class Entry:
    """A contender's runs by round; `failures` says of the others why there is none."""

    title: str
    rows: int
    versions: str
    runs: dict[int, Figures] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def all(self, figure: str) -> list[float]:
        return [getattr(run, figure) for run in self.runs.values()]

    def median(self, figure: str) -> float:
        return median(self.all(figure))


@dataclass(slots=True)
class Results:
    """One latency's entries by contender; `conditions` in words."""

    latency_ms: int
    conditions: str
    entries: dict[str, Entry] = field(default_factory=dict)

    def ran(self) -> dict[str, Entry]:
        return {name: entry for name, entry in self.entries.items() if entry.runs}

    @property
    def rounds(self) -> int:
        """Up to the last one that anybody ran."""
        return max((max(it.runs, default=0) for it in self.entries.values()), default=0)

    def ratio(self, name: str, to: str, figure: str = "rows_a_second") -> float | None:
        """Median over the rounds of a figure against that of another contender in the same round."""
        ours, theirs = self._runs(name), self._runs(to)
        ratios = [
            getattr(ours[number], figure) / getattr(theirs[number], figure)
            for number in ours.keys() & theirs.keys()
        ]
        return median(ratios) if ratios else None

    def ideal_share(self, name: str) -> float | None:
        """Rows/s as a share of concurrency ÷ latency, the most that is possible."""
        if self.latency_ms == 0 or not self._runs(name):
            return None
        return self.entries[name].median("rows_a_second") * self.latency_ms / 1000 / CONCURRENCY

    def _runs(self, name: str) -> Mapping[int, Figures]:
        return self.entries[name].runs if name in self.entries else {}

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")


def load(path: Path) -> Results:
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    entries = {name: _entry(it) for name, it in kept.pop("entries").items()}
    return Results(**kept, entries=entries)


def _entry(kept: dict[str, Any]) -> Entry:
    runs = {int(number): Figures(**run) for number, run in kept.pop("runs").items()}
    return Entry(**kept, runs=runs)


def conditions() -> str:
    """Of this machine, now."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    today = datetime.now(timezone.utc).date().isoformat()
    return (
        f"{today}, {len(os.sched_getaffinity(0))} cores ({_cpu_model()}), {memory:.0f} GiB,"
        f" {platform.system()} {platform.release()}, Python {platform.python_version()},"
        f" load average {os.getloadavg()[0]:.2f} before"
    )


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(
        (it.split(":", 1)[1].strip() for it in lines if it.startswith("model name")),
        "unknown processor",
    )
