"""The page of a trial: what was asked and answered, and nothing of it is markup."""

import re
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inquiries import Input, inquiry

from fakes import FakeCalls, answered
from mesh_prompt_batch.completion import Completion, CompletionRequest, Failure
from mesh_prompt_batch.errors import RequestError, SettingsError
from mesh_prompt_batch.inquiry import Asked, AskedRow
from mesh_prompt_batch.settings import Settings
from mesh_prompt_batch.totals import Totals
from mesh_prompt_batch.trial import TrialSettings, trial
from mesh_prompt_batch.trial_page import LONGEST_TEXT, trial_page
from mesh_prompt_batch.usage import Usage

SETTINGS = Settings.from_config({"llm_id": "llm", "user_column": "q"}, {})
OURS = {"style", "div", "h2", "h3", "p", "pre", "section"}
HOSTILE = [
    "</pre><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"'><svg/onload=alert(1)>",
    "</style><style>*{display:none}</style>",
    "<!--",
    "&lt;b&gt;",
    "\x00\ud800",
]


class Elements(HTMLParser):
    """Tags and attributes of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def page(*rows: AskedRow, stopped: str = "") -> str:
    return trial_page("ask", SETTINGS, Asked(rows, Totals(rows=len(rows)), stopped))


def asked_row(question: object, outcome: Completion | Failure | None) -> AskedRow:
    return AskedRow(
        CompletionRequest("llm", ({"role": "user", "content": question},), {}), outcome, "call"
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_what_rows_and_llms_say_is_no_markup(text: str) -> None:
    parts = [{"type": "text", "text": text}, {"type": text}]
    failed = Failure("invalid_output", text, 1, 400, answer=answered(text, text))
    row = AskedRow(
        CompletionRequest(text, ({"role": text, "content": text, text: text},), {}), failed, "call"
    )
    made = page(row, asked_row(text, answered(text, text)), asked_row(parts, failed), stopped=text)
    found = Elements(made)
    assert found.tags <= OURS
    assert found.attributes == {"class"}
    made.encode()


@given(st.text(min_size=1))
def test_any_text_comes_out_as_it_is_but_for_what_html_cannot_hold(text: str) -> None:
    shown = re.sub("[\x00\ud800-\udfff]", "\ufffd", text)
    made = page(asked_row(text, answered(text)))
    assert Elements(made.replace("\r", "¶")).text.count(shown.replace("\r", "¶")) >= 2
    assert Elements(made).tags == OURS


def test_each_way_to_end_is_told() -> None:
    usage = Usage(1200, 34, Decimal("0.0125"))
    good = answered("Yes.")
    rows = [
        asked_row("first", Completion("Yes.", "stop", usage, "llm", 1.25, attempts=3)),
        asked_row("second", Failure("rate_limit", "slow down", 7, 429)),
        AskedRow(None, Failure("invalid_row", "The user message is blank."), "call"),
        asked_row("fourth", None),
        AskedRow(asked_row("fifth", good).request, good, "identical"),
    ]
    text = Elements(page(*rows, stopped="'Spend limit' is reached.")).text
    for words in (
        "stop, 1.2 s, 1,200 + 34 tokens, cost 0.0125, 3 calls, answered by llm",
        "rate_limit (HTTP 429), 7 calls",
        "invalid_row",
        "Nothing was sent.",
        "Not asked: a limit came first.",
        "copied from an identical row",
        "'Spend limit' is reached.",
        "5 rows",
    ):
        assert words in text, words
    assert "The input has no rows." in page()


def test_long_texts_are_cut() -> None:
    made = page(asked_row("x" * (LONGEST_TEXT + 5), None))
    assert "x" * LONGEST_TEXT + f"… ({LONGEST_TEXT + 5:,} characters)" in made


def test_styles_reach_no_further_than_the_page() -> None:
    style = page().partition("<style>")[2].partition("</style>")[0]
    rules = re.findall(r"([^{}]+)\{", style.replace("@media (prefers-color-scheme: dark) {", ""))
    assert rules
    assert all(it.strip().startswith(".prompt-batch-trial") for it in rules)


def test_the_first_rows_are_asked_and_the_share_that_is_done_is_told(tmp_path: Path) -> None:
    calls = FakeCalls(lambda it: RequestError("bad_request", "<i>") if it == "2" else it)
    rows = [(str(n), str(n)) for n in range(1, 30)]
    told: list[int] = []
    made = trial(inquiry(tmp_path, calls, rows), 3, told.append)
    assert calls.asked == ["1", "2", "3"]
    assert told == [10, 100]
    assert "Row 3" in made
    assert "&lt;i&gt;" in made
    assert "cost unknown" in made


def test_the_dataset_is_closed_before_an_llm_is_asked(tmp_path: Path) -> None:
    found: list[bool] = []

    def answer(question: str) -> str:
        assert isinstance(here.source, Input)
        found.append(here.source.is_open)
        return question

    here = inquiry(tmp_path, FakeCalls(answer), [(str(n), str(n)) for n in range(1, 30)])
    trial(here, 3, lambda _: None)
    assert found == [False] * 3


def test_the_form_s_rows_are_few() -> None:
    assert TrialSettings.from_config({"recipe": "ask"}) == TrialSettings("ask", 5)
    with pytest.raises(SettingsError, match="'Rows' must be between 1 and 100"):
        TrialSettings.from_config({"recipe": "ask", "rows": 101})
