"""What the macros answer, with made-up figures, as pictures for the documentation; `make screenshots` takes them."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / it) for it in ("", "tests/standin", "tests/python", "python-lib")]

from inquiries import inquiry  # noqa: E402  # needs the path
from scripts.screenshots import taken  # noqa: E402  # as above

from fakes import FakeCalls  # noqa: E402  # as above
from mesh_prompt_batch.completion import Completion, CompletionRequest, Failure  # noqa: E402
from mesh_prompt_batch.forecast_calls import Measured  # noqa: E402
from mesh_prompt_batch.forecast_table import forecast_table  # noqa: E402
from mesh_prompt_batch.forecasting import Forecast  # noqa: E402
from mesh_prompt_batch.inquiry import Asked, AskedRow  # noqa: E402
from mesh_prompt_batch.invalid_rows import InvalidRow  # noqa: E402
from mesh_prompt_batch.listed_llms import Llm  # noqa: E402
from mesh_prompt_batch.llm_checks import NOT_CHECKED, Finding  # noqa: E402
from mesh_prompt_batch.llm_table import status_table  # noqa: E402
from mesh_prompt_batch.markup import Markup, element  # noqa: E402
from mesh_prompt_batch.prediction import Interval  # noqa: E402
from mesh_prompt_batch.sampling import Drawn  # noqa: E402
from mesh_prompt_batch.settings import Settings  # noqa: E402
from mesh_prompt_batch.table import Table  # noqa: E402
from mesh_prompt_batch.totals import Totals  # noqa: E402
from mesh_prompt_batch.trial_page import trial_page  # noqa: E402
from mesh_prompt_batch.usage import Usage  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from local_dss.browser import Browser

SMALL, LARGE, AGENT = "openai:main:small", "anthropic:eu:large", "agent:aBcD1234"
WIDTH = 1000
STYLE = """
body { margin: 0; padding: 12px; font: 13px/18px "Source Sans 3", "DejaVu Sans", sans-serif; color: #222; }
table { border-collapse: collapse; } caption { text-align: left; padding: 4px 0 8px; font-weight: 600; }
th, td { text-align: left; vertical-align: top; border: 1px solid #d5d9dd; padding: 4px 8px; }
th { background: #f4f5f6; font-weight: 600; }
"""
SIZE = """
(({right, bottom}) => [right + 12, bottom + 12])(document.body.lastElementChild.getBoundingClientRect())
"""


def llms() -> Table:
    """Of a project with two LLMs and an agent."""
    listed = [
        Llm(AGENT, "Support agent", "SAVED_MODEL_AGENT", "", ("GENERIC_COMPLETION",)),
        Llm(LARGE, "A large model", "ANTHROPIC", "eu", ("GENERIC_COMPLETION",)),
        Llm(SMALL, "A small model", "OPENAI", "main", ("GENERIC_COMPLETION",)),
    ]
    found = {
        AGENT: NOT_CHECKED,
        LARGE: Finding("answers", answers=True, latency_seconds=1.84),
        SMALL: Finding("quota (HTTP 500)", answers=False),
    }
    return status_table(listed, found)


def forecast(folder: Path) -> Table:
    """Of 18,240 rows, after 50 real calls."""
    asked = inquiry(folder, FakeCalls(str), max_concurrency=16)
    rows: list[tuple[str, ...]] = [("",)] * 200
    invalid = [InvalidRow(1_204, "The user message is blank, as 'review' is blank.")]
    figures = (
        Interval(2_890_000, 2_960_000, 3_040_000),
        Interval(610_000, 655_000, 712_000),
        Interval(0.80, 0.84, 0.89),
        Interval(1_140, 1_230, 1_420),
    )
    told = Forecast(
        "compute_answers",
        Drawn(rows, [*range(200)], 18_240, "counted now", "random rows"),
        invalid,
        4,
        17_785,
        *figures,
        Measured(50, 1, 52, Decimal("0.0024"), figures),
    )
    return forecast_table(told, asked)


def trial() -> str:
    """Two rows, of which one cannot be sent."""
    settings = Settings.from_config({"llm_id": SMALL, "user_column": "review"}, {})
    request = CompletionRequest(
        SMALL,
        (
            {"role": "system", "content": "Answer with Positive or Negative."},
            {"role": "user", "content": "The kettle boils in two minutes and keeps quiet."},
        ),
        {},
    )
    answer = Completion("Positive", "stop", Usage(61, 1, Decimal("0.00000975")), SMALL, 0.41)
    failed = Failure("invalid_row", "The user message is blank, as 'review' is blank.")
    totals = Totals(rows=2, all_read=True)
    totals.add(1, answer)
    totals.add(2, failed)
    rows = [AskedRow(request, answer, "call"), AskedRow(None, failed, "call")]
    return trial_page("compute_answers", settings, Asked(rows, totals, ""))


def as_html(table: Table) -> str:
    """As Dataiku shows a table: it has a style of its own."""

    def line(tag: str, cells: Sequence[str]) -> Markup:
        return element("tr", *[element(tag, it) for it in cells])

    rows = [line("th", [*table.columns.values()]), *[line("td", it) for it in table.rows]]
    title = [element("caption", table.title)] if table.title else []
    return element("table", *title, *rows)


def pictures(browser: Browser, folder: Path) -> Iterator[tuple[str, bytes]]:
    shown = {
        "list_llms_result": as_html(llms()),
        "forecast_result": as_html(forecast(folder)),
        "try_rows_result": trial(),
    }
    browser.prefer("light")
    for name, body in shown.items():
        document = folder / f"{name}.html"
        document.write_text(
            f'<!doctype html><meta charset="utf-8"><style>{STYLE}</style>{body}', "utf-8"
        )
        browser.open(document, WIDTH, 200)
        width, height = browser.evaluate(SIZE)
        clip = {"x": 0, "y": 0, "width": width, "height": height}
        yield name, browser.picture(clip)


if __name__ == "__main__":
    sys.exit(taken(pictures))
