"""Results as the tables of bench/README.md, targets first."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.lineup import BARE, RECIPE
from bench.page import table
from bench.results import Entry, Results


@dataclass(frozen=True, slots=True)
class Target:
    """`measured` gives None where what it needs was not run. `at_most`: lower is better."""

    text: str
    latency_ms: int
    bound: float
    measured: Callable[[Results], float | None]
    at_most: bool = False

    def line(self, by_latency: Mapping[int, Results]) -> str:
        results = by_latency.get(self.latency_ms)
        value = self.measured(results) if results else None
        if value is None:
            return f"| {self.text} | {self.latency_ms} ms | not measured | |"
        reached = value <= self.bound if self.at_most else value >= self.bound
        verdict = "reached" if reached else "**not reached**"
        return f"| {self.text} | {self.latency_ms} ms | {value:.2f} | {verdict} |"


def _against(peer: str) -> Callable[[Results], float | None]:
    return lambda results: results.ratio(RECIPE, peer)


def _ideal_share(results: Results) -> float | None:
    return results.ideal_share(RECIPE)


def _cpu(results: Results) -> float | None:
    recipe = results.ran().get(RECIPE)
    return recipe.median("cpu_ms_a_row") if recipe else None


TARGETS = (
    Target("rows/s ≥ 0.65 x bare `client.post`", 0, 0.65, _against(BARE)),
    Target("rows/s ≥ 2 x typed `create()`, async", 0, 2.0, _against("typed_default")),
    Target("rows/s ≥ 2 x typed `create()`, async on aiohttp", 0, 2.0, _against("typed_aiohttp")),
    Target("rows/s ≥ 2 x typed `create()`, 64 threads", 0, 2.0, _against("typed_threads")),
    Target("rows/s ≥ 3 x LangChain `abatch`", 0, 3.0, _against("langchain_abatch")),
    Target("CPU ≤ 1.0 ms a row", 0, 1.0, _cpu, at_most=True),
    Target("rows/s ≥ 0.72 x concurrency ÷ latency", 50, 0.72, _ideal_share),
    Target("rows/s ≥ 0.90 x concurrency ÷ latency", 200, 0.90, _ideal_share),
)


def report(by_latency: Mapping[int, Results]) -> str:
    lines = ["| target of the recipe | latency | measured | |", "| --- | --- | --- | --- |"]
    lines += [target.line(by_latency) for target in TARGETS]
    quiet = by_latency.get(0)
    if quiet:
        lines += ["", *_by_cpu(quiet)]
    for latency_ms, results in sorted(by_latency.items()):
        rounds = max((len(it.runs) for it in results.entries.values()), default=0)
        lines += ["", f"### {latency_ms} ms", ""]
        lines += [f"{results.conditions}; median of {rounds} rounds.", ""]
        entries = [cells(results, it, entry, RECIPE) for it, entry in results.ran().items()]
        lines += table(columns("recipe ÷ it"), entries)
        lines += ["", *versions_and_failures(results)]
    return "\n".join([*lines, ""])


def _by_cpu(results: Results) -> list[str]:
    """The same comparisons in CPU time, which busy neighbours change less."""
    ratios = [
        (entry.title, results.ratio(name, RECIPE, "cpu_ms_a_row"))
        for name, entry in results.ran().items()
        if name != RECIPE
    ]
    told = "; ".join(f"{title} {ratio:.2f}" for title, ratio in ratios if ratio is not None)
    return [f"In CPU time a row, which busy neighbours change less, over the recipe's: {told}."]


def columns(ratio: str) -> list[str]:
    """Names of what `cells` gives; `ratio` in words."""
    names = ["", "rows", "rows/s [range]", ratio, "of ideal", "CPU ms/row", "its CPU ÷ ours"]
    return [*names, "peak RSS MiB", "start-up s", "finish s", "other cores busy"]


def cells(results: Results, name: str, entry: Entry, yardstick: str) -> list[str]:
    """The medians of one contender, with the ratio of `yardstick` to it."""
    speeds = entry.all("rows_a_second")
    ratio, share = results.ratio(yardstick, name), results.ideal_share(name)
    cpu = results.ratio(name, yardstick, "cpu_ms_a_row")
    return [
        entry.title,
        f"{entry.rows:,}",
        f"{entry.median('rows_a_second'):,.0f} [{min(speeds):,.0f}-{max(speeds):,.0f}]",
        "-" if ratio is None else f"{ratio:.2f}",
        "-" if share is None else f"{share:.1%}",
        f"{entry.median('cpu_ms_a_row'):.2f}",
        "-" if cpu is None else f"{cpu:.2f}",
        f"{entry.median('peak_rss_mib'):.0f}",
        f"{entry.median('startup_seconds'):.1f}",
        f"{entry.median('finish_seconds'):.1f}",
        f"{entry.median('other_cores'):.2f}",
    ]


def versions_and_failures(results: Results) -> list[str]:
    lines = [f"- {it.title}: {it.versions}." for it in results.entries.values() if it.versions]
    lines += [
        f"- **Failed**: {entry.title}, {failure}"
        for entry in results.entries.values()
        for failure in entry.failures
    ]
    return lines
