"""Every page that we make, given words that would be markup or script elsewhere: they stay words."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_run import told_of
from report_reader import Page

from fakes import answered
from local_dss.browser import Browser
from mesh_prompt_batch.completion import CompletionRequest, Failure
from mesh_prompt_batch.inquiry import Asked, AskedRow
from mesh_prompt_batch.report import Told, report_page
from mesh_prompt_batch.settings import Settings
from mesh_prompt_batch.totals import Totals
from mesh_prompt_batch.trial_page import trial_page

RUN = "window.hacked = true"
PIECES = [
    f"<script>{RUN}</script>",
    f"<img src=x onerror='{RUN}'>",
    f"\"'><svg/onload='{RUN}'>",
    f"</style></title></pre></td><iframe srcdoc='<script>parent.{RUN}</script>'>",
    f"<a href='javascript:{RUN}'>",
    f"<details open ontoggle='{RUN}'>",
    "<!--",
    "]]>",
    "&lt;",
    "&#60;script&#62;",
    "<base href=//x>",
    "<meta http-equiv=refresh content=0>",
    "\x00",
    "\ud800",
    "\uff1cscript\uff1e",
]
WORDS = st.lists(st.sampled_from(PIECES) | st.text(max_size=10), max_size=4).map("".join)
TOLD = told_of(300)


def report_of(words: list[str]) -> str:
    """With LLM ids, names of columns, projects and recipes, settings, words of errors: all that is not a number."""
    a, b, c = words
    record = replace(
        TOLD.record, run_id=a, sentence=b, settings={a: b, c: a}, versions={b: c}, errors={c: 3}
    )
    earlier = [replace(record, outcome=c, started=a, settings={a: c})]
    return report_page(Told(a, record, TOLD.course, {c: b}, earlier))


def trial_of(words: list[str]) -> str:
    """With a recipe, an LLM, messages, answers and errors of these words."""
    # An answer without text is none.
    a, b, c = (it or "-" for it in words)
    failed = Failure("invalid_output", b, 1, 400, answer=answered(c, a))
    request = CompletionRequest(a, ({"role": b, "content": c, a: b},), {})
    parts = CompletionRequest(a, ({"role": "user", "content": [{"type": b, "text": c}]},), {})
    rows = [AskedRow(request, failed, "call"), AskedRow(parts, answered(b, c), "identical")]
    llm = Settings.from_config({"llm_id": a.strip() or "llm", "user_column": "q"}, {})
    return trial_page(a, llm, Asked(rows, Totals(rows=2), stopped=c))


def markup(page: str) -> tuple[set[str], set[str]]:
    """Tags and names of attributes."""
    elements = Page(page).elements
    return {tag for tag, _ in elements}, {name for _, names in elements for name in names}


PAGES = {"report": report_of, "trial": trial_of}
OURS = {name: markup(make(["a", "b", "c"])) for name, make in PAGES.items()}


@pytest.mark.parametrize("name", PAGES)
@settings(max_examples=25)
@given(words=st.lists(WORDS, min_size=3, max_size=3))
def test_no_word_becomes_an_element_or_an_attribute(name: str, words: list[str]) -> None:
    page = PAGES[name](words)
    tags, attributes = markup(page)
    assert tags <= OURS[name][0]
    assert attributes <= OURS[name][1]
    assert not tags & {"script", "iframe", "object", "embed", "base", "form", "a", "img", "link"}
    assert not {it for it in attributes if it.startswith("on") or it in {"href", "src", "srcdoc"}}
    page.encode()


def opened(browser: Browser, path: Path, page: str) -> object:
    path.write_text(f"<meta charset=utf-8>{page}", encoding="utf-8")
    browser.open(path, 900, 900)
    return browser.evaluate("window.hacked === true")


@pytest.mark.browser
@pytest.mark.parametrize("name", PAGES)
def test_in_a_browser_no_script_runs(browser: Browser, tmp_path: Path, name: str) -> None:
    whole = "".join(PIECES)
    # The page as a fragment of another, as DSS shows a macro's result: no policy of its own protects it.
    page = PAGES[name]([whole, whole, whole])
    fragment = page.replace("Content-Security-Policy", "none")
    assert opened(browser, tmp_path / "page.html", fragment) is False
    assert browser.evaluate("document.scripts.length + document.images.length") == 0
    assert opened(browser, tmp_path / "seen.html", f"<script>{RUN}</script>") is True
