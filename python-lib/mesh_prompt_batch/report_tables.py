"""A run in figures, and the runs before it, as tables."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from mesh_prompt_batch.course import SlowRow
from mesh_prompt_batch.eta import duration
from mesh_prompt_batch.markup import Markup, element
from mesh_prompt_batch.money import shown
from mesh_prompt_batch.run_record import RunRecord

MOST_CHANGES = 8
UNKNOWN = "unknown"


def table(caption: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Markup:
    """The first cell of each row is its heading; a wide table scrolls by itself."""
    head = element("tr", *(element("th", it, scope="col") for it in header))
    body = [
        element("tr", element("th", row[0], scope="row"), *(element("td", it) for it in row[1:]))
        for row in rows
    ]
    parts = element("caption", caption), element("thead", head), element("tbody", *body)
    scrolls = {"tabindex": "0", "role": "region", "aria_label": caption}
    return element("div", element("table", *parts), class_="scrolls", **scrolls)


def rows_table(record: RunRecord) -> Markup:
    undecided = record.rows - record.decided - record.resumed - record.identical
    failed = f" ({record.identical_failed:,} of them failed)" if record.identical_failed else ""
    rows = [
        ("Read", f"{record.rows:,}"),
        ("Answered by calls of this run", f"{record.answered:,}"),
        ("Failed", f"{record.failed:,}"),
        ("Resumed from earlier runs", f"{record.resumed:,}"),
        (f"Copied from identical rows{failed}", f"{record.identical:,}"),
        ("Not decided", f"{undecided:,}"),
    ]
    return table("Rows", ("What became of them", "Rows"), rows)


def money_table(record: RunRecord, repeated: int) -> Markup:
    rows = [
        ("Calls", f"{record.calls:,}"),
        ("Of these, again for the same row", f"{repeated:,}"),
        ("Tokens in", f"{record.prompt_tokens:,}"),
        ("Tokens out", f"{record.completion_tokens:,}"),
        ("Cost", _amount(record.exact_cost)),
        ("Cost of 1,000 rows", _amount(record.cost_per_thousand)),
    ]
    if record.unpriced:
        rows.append(("Rows at a cost that is not known", f"{record.unpriced:,}"))
    if record.spend_limit:
        rows.append(("Spend limit", _amount(Decimal(record.spend_limit))))
        rows.append(
            (
                "Spent of it, with the runs that were resumed",
                _amount(Decimal(record.spent_of_limit or "0")),
            )
        )
    return table("Calls of this run", ("What", "Amount"), rows)


def errors_table(record: RunRecord, examples: Mapping[str, str]) -> Markup:
    rows = [
        (name, f"{count:,}", _percent(100.0 * count / record.decided), examples.get(name, ""))
        for name, count in record.errors.items()
    ]
    header = ("error_type", "Rows", "Share", "For example")
    return table("Errors", header, rows)


def slowest_table(slowest: Sequence[SlowRow]) -> Markup:
    rows = [
        (
            f"{it.number:,}",
            taken(it.seconds),
            f"{it.calls:,}",
            UNKNOWN if it.completion_tokens is None else f"{it.completion_tokens:,}",
        )
        for it in slowest
    ]
    return table("Slowest rows", ("Row number", "Answered in", "Calls", "Tokens out"), rows)


def runs_table(runs: Sequence[RunRecord]) -> Markup:
    """Oldest first in `runs`, newest first on the page."""
    before = [None, *runs[:-1]]
    rows = [
        (
            moment(it.started),
            it.outcome,
            f"{it.rows:,}",
            _percent(it.failure_percent),
            f"{it.rows_per_second:.1f}",
            f"{it.tokens:,}",
            _amount(it.exact_cost),
            _changes(it, earlier),
        )
        for it, earlier in zip(reversed(runs), reversed(before), strict=True)
    ]
    header = (
        "Started (UTC)",
        "Outcome",
        "Rows",
        "Failed",
        "Rows/s",
        "Tokens",
        "Cost",
        "Changed since the run before",
    )
    return table(f"The last {len(runs)} runs" if len(runs) > 1 else "Runs", header, rows)


def pairs_table(caption: str, header: tuple[str, str], pairs: Mapping[str, str]) -> Markup:
    return table(caption, header, pairs.items())


def moment(iso: str) -> str:
    """2026-11-24T14:57:39+00:00 as people write it: 2026-11-24 14:57."""
    return f"{iso[:10]} {iso[11:16]}"


def taken(seconds: float) -> str:
    """By a call: 0.16 s, 12.3 s, 3 min 20 s."""
    return f"{seconds:.2f} s" if seconds < 10 else duration(seconds)  # noqa: PLR2004


def _changes(run: RunRecord, earlier: RunRecord | None) -> object:
    if earlier is None:
        return ""
    changes = run.changed_since(earlier)
    more = len(changes) - MOST_CHANGES
    told = [*changes[:MOST_CHANGES], *([f"and {more} more"] if more > 0 else [])]
    return element("ul", *(element("li", it) for it in told)) if told else "nothing"


def _amount(amount: Decimal | None) -> str:
    return UNKNOWN if amount is None else shown(amount)


def _percent(share: float) -> str:
    return "0 %" if not share else f"{share:.1f} %" if share >= 0.1 else "below 0.1 %"  # noqa: PLR2004
