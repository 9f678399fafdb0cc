"""A forecast as a table: a line a figure, with how it is known."""

from collections.abc import Callable
from decimal import Decimal

from mesh_prompt_batch.eta import duration
from mesh_prompt_batch.forecast_bounds import Bounds
from mesh_prompt_batch.forecasting import Forecast
from mesh_prompt_batch.inquiry import Inquiry
from mesh_prompt_batch.money import shown
from mesh_prompt_batch.prediction import CALIBRATED_FROM, LEAST, Interval
from mesh_prompt_batch.table import Table

MOST_EXAMPLES = 5
Figure = Interval | Bounds
Line = list[str]


def forecast_table(forecast: Forecast, inquiry: Inquiry) -> Table:
    """Columns of texts; without a call two bounds, with calls P10, P50 and P90."""
    measured = isinstance(forecast.seconds, Interval)
    labels = ["P10", "P50", "P90"] if measured else ["Lower bound", "Upper bound"]
    names = ["p10", "p50", "p90"] if measured else ["lower_bound", "upper_bound"]
    columns = {"what": "What", **dict(zip(names, labels, strict=True)), "how": "How it is known"}
    lines = [
        *_figures(forecast, inquiry),
        *_rows(forecast, len(labels)),
        *_calls(forecast, len(labels)),
    ]
    return Table(columns, lines, f"Forecast of {forecast.recipe}")


def _figures(forecast: Forecast, inquiry: Inquiry) -> list[Line]:
    wide = 3 if isinstance(forecast.seconds, Interval) else 2
    how = _how(forecast)
    limits = inquiry.settings.run.limits
    pace = f"{limits.max_concurrency} calls at once, if the LLM bears them, and the recipe's limits a minute"
    if wide == 2:  # noqa: PLR2004  # bounds
        pace = "by the recipe's limits a minute alone: only real calls tell more"
    money = _money(forecast, inquiry)
    return [
        ["Cost", *_cells(forecast.cost, wide, _cost), money],
        ["Duration", *_cells(forecast.seconds, wide, duration), pace],
        ["Tokens in", *_cells(forecast.prompt_tokens, wide, _count), how],
        ["Tokens out", *_cells(forecast.completion_tokens, wide, _count), how],
    ]


def _how(forecast: Forecast) -> str:
    calls = forecast.calls
    if calls is None:
        return (
            "bounds, no call was made: a token for every 8 bytes and answers of one token, or a token a byte and"
            " answers as long as 'Max tokens' allows"
        )
    if not calls.totals:
        return f"bounds: fewer than {LEAST} rows were answered by the real calls"
    if not calls.calibrated:
        return f"not calibrated: from {CALIBRATED_FROM} answered rows on the interval holds four times in five"
    return "the truth lies between P10 and P90 four times in five"


def _money(forecast: Forecast, inquiry: Inquiry) -> str:
    if forecast.cost.low is None and forecast.cost.high is None:
        return "no price is known, or tokens were not counted"
    limit = inquiry.settings.prices.spend_limit
    again = "retries and answers asked again come on top"
    if isinstance(forecast.cost, Interval):
        again = "answers asked again are in it as often as in the real calls"
    held = "" if limit is None else f"; the recipe's 'Spend limit' is {shown(limit)}"
    return f"{again}{held}"


def _rows(forecast: Forecast, wide: int) -> list[Line]:
    sample = forecast.drawn
    count = len(sample.rows)
    lines = [
        _line("Rows", f"{sample.total:,}", wide, sample.counted),
        _line("Rows in the sample", f"{count:,}", wide, sample.chosen),
        _line("Rows to send", f"{forecast.to_send:,}", wide, _sent(forecast)),
        _line("Identical rows in the sample", f"{forecast.identical:,}", wide, "sent once"),
        _line(
            "Rows in the sample that fail", f"{len(forecast.invalid):,}", wide, _in_all(forecast)
        ),
    ]
    for row in forecast.invalid[:MOST_EXAMPLES]:
        name = "A row" if row.number is None else f"Row {row.number:,}"
        lines.append(_line(name, "", wide, row.reason))
    return lines


def _sent(forecast: Forecast) -> str:
    if forecast.drawn.whole:
        return "exactly"
    return "about, and at most where the sample has identical rows"


def _in_all(forecast: Forecast) -> str:
    """What cannot be sent is not paid."""
    sample = forecast.drawn
    if not forecast.invalid or sample.whole:
        return "not sent, not paid"
    about = round(sample.total * len(forecast.invalid) / len(sample.rows))
    return f"about {about:,} of all; not sent, not paid"


def _calls(forecast: Forecast, wide: int) -> list[Line]:
    calls = forecast.calls
    if calls is None:
        return [_line("Real calls", "0", wide, "nothing was spent")]
    cost = "unknown" if calls.cost is None else shown(calls.cost)
    how = f"for {calls.rows:,} rows, of which {calls.failed:,} failed"
    return [
        _line("Real calls", f"{calls.calls:,}", wide, how),
        _line("Cost of the real calls", cost, wide, "spent by this forecast"),
    ]


def _line(what: str, value: str, wide: int, how: str) -> Line:
    return [what, value, *[""] * (wide - 1), how]


def _cells(figure: Figure, wide: int, show: Callable[[float], str]) -> list[str]:
    if isinstance(figure, Interval):
        return [show(it) for it in (figure.low, figure.middle, figure.high)]
    cells = ["" if it is None else show(it) for it in (figure.low, figure.high)]
    return [*cells[:1], *[""] * (wide - 2), *cells[1:]]


def _cost(amount: float) -> str:
    return shown(Decimal(amount))


def _count(tokens: float) -> str:
    return f"{tokens:,.0f}"
