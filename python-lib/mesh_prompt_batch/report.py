"""The run report: one HTML file that needs no network and no script."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mesh_prompt_batch.course import Course
from mesh_prompt_batch.eta import duration
from mesh_prompt_batch.latency_histogram import MOST_ERROR
from mesh_prompt_batch.markup import Markup, element
from mesh_prompt_batch.money import shown
from mesh_prompt_batch.report_figures import (
    back_off_figure,
    errors_figure,
    in_flight_figure,
    latency_figure,
    runs_figures,
    speed_figure,
)
from mesh_prompt_batch.report_style import STYLE
from mesh_prompt_batch.report_tables import (
    UNKNOWN,
    errors_table,
    moment,
    money_table,
    pairs_table,
    rows_table,
    runs_table,
    slowest_table,
)
from mesh_prompt_batch.run_record import COMPLETED, PUBLISHED, RunRecord

# Nothing may be fetched, sent or run, whatever the page holds.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@dataclass(frozen=True, slots=True)
class Told:
    """What a report tells: of the output `name`, the run, and the runs before it, oldest first.

    `examples` has a row for each error type, in our own words.
    """

    name: str
    record: RunRecord
    course: Course
    examples: Mapping[str, str]
    earlier: Sequence[RunRecord] = ()


def report_page(told: Told) -> str:
    title = f"Prompt batch: {told.name}"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        # Our own text, and HTML would not unescape it there.
        element("style", Markup(STYLE)),
    )
    body = element(
        "body", _header(title, told.record), element("main", *_sections(told)), _footer()
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _header(title: str, record: RunRecord) -> Markup:
    mood, sign = {COMPLETED: ("good", "✓"), PUBLISHED: ("fair", "!")}.get(record.outcome, ("", "✕"))
    if record.outcome == COMPLETED and record.failed:
        mood = "fair"
    outcome = element("b", f"{sign} {record.outcome[:1].upper()}{record.outcome[1:]}.")
    return element(
        "header",
        element("h1", title),
        element(
            "p",
            f"{moment(record.started)} to {moment(record.ended)} UTC, run {record.run_id}",
            class_="soft",
        ),
        element("p", outcome, " ", record.sentence, class_=f"outcome {mood}".strip()),
        element("dl", *_tiles(record), class_="tiles"),
    )


def _tiles(record: RunRecord) -> list[Markup]:
    cost = UNKNOWN if record.exact_cost is None else shown(record.exact_cost)
    told = {
        "Rows": f"{record.rows:,}",
        "Failed": f"{record.failed + record.identical_failed:,}",
        "Rows/s": f"{record.rows_per_second:,.1f}",
        "Time of calls": duration(record.seconds),
        "Tokens": f"{record.tokens:,}",
        "Cost": cost,
    }
    return [element("div", element("dt", name), element("dd", it)) for name, it in told.items()]


def _sections(told: Told) -> list[Markup]:
    record, course = told.record, told.course
    return [
        _section("What became of the rows", rows_table(record)),
        _section(
            "Calls, tokens and cost", money_table(record, told.course.timeline.total().repeated)
        ),
        _section("Speed", *_speed(course, record), kind="wide"),
        _section("Latency", *_latency(course, record)),
        _section("Errors", *_errors(told), kind="errors"),
        _section("Runs side by side", *_runs([*told.earlier, record]), kind="wide runs"),
        _section(
            "Settings",
            pairs_table("Settings of this run", ("Setting", "Value"), record.settings),
            kind="words",
        ),
        _section(
            "Versions",
            pairs_table("Versions in use", ("What", "Version"), record.versions),
            kind="words",
        ),
    ]


def _section(title: str, *content: Markup, kind: str | None = None) -> Markup:
    name = title.lower().replace(",", "").replace(" ", "-")
    heading = element("h2", title, id=name)
    return element("section", heading, *content, class_=kind, aria_labelledby=name)


def _speed(course: Course, record: RunRecord) -> list[Markup]:
    timeline = course.timeline
    if not timeline.spans:
        return [element("p", "No call was made.")]
    return [speed_figure(timeline, record), in_flight_figure(timeline), back_off_figure(timeline)]


def _latency(course: Course, record: RunRecord) -> list[Markup]:
    if not course.latencies.count:
        return [element("p", "No call was answered.")]
    note = (
        f"Quantiles are {100 * MOST_ERROR:.1f} % off at most; they are of the calls that answered."
    )
    return [
        latency_figure(course, record),
        element("p", note, class_="soft"),
        slowest_table(course.slowest()),
    ]


def _errors(told: Told) -> list[Markup]:
    if not told.record.errors:
        return [element("p", "No row failed.")]
    return [errors_figure(told.course.timeline), errors_table(told.record, told.examples)]


def _runs(runs: Sequence[RunRecord]) -> list[Markup]:
    return [*([runs_figures(runs)] if len(runs) > 1 else []), runs_table(runs)]


def _footer() -> Markup:
    words = "Rows are numbered from 1 in input order. The page holds no prompt, no answer and no word of a provider."
    return element("footer", element("p", words))
