"""The course of a run as figures."""

import math
from collections.abc import Callable, Sequence
from functools import partial

from mesh_prompt_batch.charts import (
    HEIGHT,
    Labels,
    Series,
    figure,
    picture,
    round_top,
    stacked,
    stairs,
    upright,
)
from mesh_prompt_batch.course import Course
from mesh_prompt_batch.eta import duration
from mesh_prompt_batch.latency_histogram import MOST_ERROR
from mesh_prompt_batch.markup import Markup, element, joined
from mesh_prompt_batch.report_tables import taken
from mesh_prompt_batch.run_record import RunRecord
from mesh_prompt_batch.timeline import Span, Timeline

MOST_BARS = 48
MOST_ERROR_TYPES = 6
OTHER_TYPES = "others"


def speed_figure(timeline: Timeline, record: RunRecord) -> Markup:
    each = _seconds_of_spans(timeline, record.seconds)
    spans = timeline.spans
    series = [
        Series([it.answered / s for it, s in zip(spans, each, strict=True)], "c1", "answered"),
        Series([it.failed / s for it, s in zip(spans, each, strict=True)], "e1", "failed"),
    ]
    top = round_top(max(map(sum, zip(*(it.values for it in series), strict=True)), default=0))
    says = f"{record.rows_per_second:.1f} rows a second on average."
    drawn = picture("speed", "Rows per second over time", says, stacked(series, top))
    return figure("Rows per second", drawn, _over_time(timeline, f"{top:g}"), series)


def in_flight_figure(timeline: Timeline) -> Markup:
    in_flight = _sampled(timeline, lambda it: it.in_flight)
    allowed = _sampled(timeline, lambda it: it.allowed)
    top = round_top(max((*in_flight, *allowed), default=0))
    series = [Series(in_flight, "c1", "in flight"), Series(allowed, "c2", "most that might be")]
    says = f"At most {max(in_flight, default=0):.0f} calls in flight; at most {max(allowed, default=0):.0f} might be."
    shapes = [*stacked(series[:1], top), stairs(series[1], top)]
    drawn = picture("flight", "Calls in flight over time", says, shapes)
    return figure("Calls in flight", drawn, _over_time(timeline, f"{top:g}"), series)


def back_off_figure(timeline: Timeline) -> Markup:
    """A strip a reason, marked where it held the run back."""
    total = timeline.total()
    strips = [
        ("pauses", "Pauses that a provider asked for", [it.pauses for it in timeline.spans]),
        ("retreats", "Retreats to fewer calls at once", [it.retreats for it in timeline.spans]),
        ("alone", "LLMs that only failed, left alone", [it.left_alone for it in timeline.spans]),
    ]
    if not (total.pauses or total.retreats or total.left_alone):
        return element(
            "p", "Nothing held the run back: no pause, no retreat to fewer calls at once."
        )
    drawn = [
        joined((element("dt", f"{name}: {sum(marks):,}"), element("dd", _strip(key, name, marks))))
        for key, name, marks in strips
    ]
    moments = _over_time(timeline, "")
    return element(
        "figure",
        element("figcaption", "Moments of back-off"),
        element("dl", *drawn, class_="strips"),
        element("div", *(element("span", it) for it in moments[1:]), class_="moments wide"),
    )


def latency_figure(course: Course, record: RunRecord) -> Markup:
    bars = course.latencies.bars(MOST_BARS)
    top = round_top(max(it.calls for it in bars))
    low, high = max(bars[0].low, bars[1].low if len(bars) > 1 else 1e-3) / 1.05, bars[-1].high
    place = partial(_place_between, max(bars[0].low, low), high)
    quantiles = (("P50", record.p50, "q1"), ("P95", record.p95, "q2"), ("P99", record.p99, "q3"))
    lines = [upright(place(seconds), colour) for _, seconds, colour in quantiles]
    shapes = stacked([Series([it.calls for it in bars], "c1", "")], top)
    told = [Series((), colour, f"{name} {taken(s)}") for name, s, colour in quantiles]
    says = f"{', '.join(it.name for it in told)}; within {100 * MOST_ERROR:.1f} %."
    drawn = picture("latency", "How long calls took", says, [*shapes, *lines])
    middle = math.sqrt(max(bars[0].low, low) * high)
    labels = Labels(f"{top:,.0f}", taken(bars[0].low), taken(middle), taken(high))
    return figure(
        "Calls that answered, by how long they took",
        drawn,
        labels,
        told,
    )


def errors_figure(timeline: Timeline) -> Markup:
    counts = timeline.total().failures
    named = [
        it for it, _ in counts.most_common(MOST_ERROR_TYPES - (len(counts) > MOST_ERROR_TYPES))
    ]
    series = [
        Series([span.failures[it] for span in timeline.spans], f"e{n}", f"{it}: {counts[it]:,}")
        for n, it in enumerate(named, 1)
    ]
    others = counts.total() - sum(counts[it] for it in named)
    if others:
        left = [span.failed - sum(span.failures[it] for it in named) for span in timeline.spans]
        series.append(Series(left, f"e{MOST_ERROR_TYPES}", f"{OTHER_TYPES}: {others:,}"))
    top = round_top(max((it.failed for it in timeline.spans), default=0))
    says = ", ".join(it.name for it in series)
    drawn = picture("errors", "Failed rows by error over time", says, stacked(series, top))
    return figure("Failed rows by error", drawn, _over_time(timeline, f"{top:g}"), series)


def runs_figures(runs: Sequence[RunRecord]) -> Markup:
    """How speed, failures and cost went from run to run, the oldest first."""
    told = (
        ("fast", "Rows per second", "c1", [it.rows_per_second for it in runs]),
        ("bad", "Failed rows, percent", "e1", [it.failure_percent for it in runs]),
        ("dear", "Cost of 1,000 rows", "c3", [float(it.cost_per_thousand or 0) for it in runs]),
    )
    figures = []
    for key, title, colour, values in told:
        top = round_top(max(values))
        shapes = stacked([Series(values, colour, title)], top)
        drawn = picture(
            f"runs-{key}", f"{title}, run by run", f"{values[-1]:.3g} in this run.", shapes
        )
        figures.append(
            figure(title, drawn, Labels(f"{top:g}", runs[0].started[:10], "", "this run"))
        )
    return element("div", *figures, class_="trio")


def _strip(key: str, name: str, marks: Sequence[int]) -> Markup:
    series = Series([HEIGHT if it else 0.0 for it in marks], "c3", name)
    return picture(key, name, f"{sum(marks):,} in all.", stacked([series], HEIGHT), small=True)


def _sampled(timeline: Timeline, of: Callable[[Span], int]) -> list[float]:
    """The mean of a span's samples; of the span before where it has none."""
    means, last = [], 0.0
    for span in timeline.spans:
        last = of(span) / span.samples if span.samples else last
        means.append(last)
    return means


def _seconds_of_spans(timeline: Timeline, seconds: float) -> list[float]:
    """The last one may have just begun; it counts half at least, or it would stick out."""
    each, count = timeline.seconds_each, len(timeline.spans)
    last = min(each, max(each / 2, seconds - (count - 1) * each))
    return [each] * (count - 1) + [last] * bool(count)


def _over_time(timeline: Timeline, top: str) -> Labels:
    end = len(timeline.spans) * timeline.seconds_each
    return Labels(top, "0 s", duration(end / 2), duration(end))


def _place_between(low: float, high: float, seconds: float) -> float:
    """The share of the way on a logarithmic scale."""
    if high <= low or seconds <= low:
        return 0.0
    return min(1.0, math.log(seconds / low) / math.log(high / low))
