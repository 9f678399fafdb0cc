"""The report as a reader finds it: whole, accessible, of bounded size, and nobody's words but ours."""

import os
import re
from dataclasses import replace

import pytest
from made_up_run import told_of
from report_reader import Page

from mesh_prompt_batch.course import Course
from mesh_prompt_batch.report import Told, report_page
from mesh_prompt_batch.run_record import ABORTED, COMPLETED, PUBLISHED, STOPPED, RunRecord
from mesh_prompt_batch.timeline import Sample

HOSTILE = "</style></title><script>alert('x')</script><img src=http://x onerror=\"y\">\x00\ud800"
# Making them up takes longer than all other tests here.
MANY = 1_000_000 if os.environ.get("TORTURE") else 100_000
EMPTY = RunRecord("r", "2026-11-24T10:00:00+00:00", "2026-11-24T10:01:00+00:00", COMPLETED, "All.")


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(report_page(told_of(5_000)))


def test_the_page_has_landmarks_headings_and_captions(page: Page) -> None:
    tags = [tag for tag, _ in page.elements]
    assert [tags.count(it) for it in ("header", "main", "footer", "h1")] == [1, 1, 1, 1]
    assert tags.count("table") == tags.count("caption") == len(page.tables)
    ids = [it["id"] for _, it in page.elements if "id" in it]
    assert len(ids) == len(set(ids))
    for section in page.named("section"):
        assert section["aria-labelledby"] in ids
    assert page.named("html")[0]["lang"] == "en"


def test_every_picture_says_what_there_is_to_see(page: Page) -> None:
    ids = {it["id"] for _, it in page.elements if "id" in it}
    pictures = page.named("svg")
    assert len(pictures) == 10
    for picture in pictures:
        assert picture["role"] == "img"
        labelled = {*(picture["aria-labelledby"] or "").split()}
        assert labelled
        assert labelled <= ids


def test_the_page_needs_nothing_from_elsewhere(page: Page) -> None:
    text = report_page(told_of(300))
    assert not re.search(r"https?:|//|url\(|@import|<script|<link|<img", text)
    assert "default-src 'none'" in str(page.named("meta")[1]["content"])


def test_hostile_names_are_words_on_the_page() -> None:
    told = told_of(500)
    record = replace(
        told.record,
        sentence=HOSTILE,
        settings={HOSTILE: HOSTILE},
        versions={HOSTILE: HOSTILE},
        errors={HOSTILE: 3},
    )
    earlier = [replace(record, outcome=HOSTILE, started=HOSTILE, settings={"a": HOSTILE})]
    text = report_page(Told(HOSTILE, record, told.course, {HOSTILE: HOSTILE}, earlier))
    ours, theirs = Page(report_page(told)), Page(text)
    assert {tag for tag, _ in theirs.elements} <= {tag for tag, _ in ours.elements}
    assert {it for _, names in theirs.elements for it in names} <= {
        it for _, names in ours.elements for it in names
    }
    words = HOSTILE.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
    assert words in theirs.pairs("Settings of this run")
    text.encode()


def test_many_rows_take_no_more_room_than_thousands() -> None:
    small, large = (len(report_page(told_of(rows)).encode()) for rows in (10_000, MANY))
    assert large < 1.5 * small
    assert large < 100_000


def test_a_run_without_calls_is_told_in_words() -> None:
    page = Page(report_page(Told("P.answers", EMPTY, Course(), {})))
    assert {"No call was made.", "No call was answered.", "No row failed."} <= {*page.texts}
    assert page.pairs("Calls of this run")["Cost"] == "unknown"
    assert len(page.tables["Runs"]) == 1


@pytest.mark.parametrize(
    ("outcome", "failed", "mood"),
    [
        (COMPLETED, 0, "good"),
        (COMPLETED, 1, "fair"),
        (PUBLISHED, 0, "fair"),
        (STOPPED, 0, "outcome"),
        (ABORTED, 0, "outcome"),
    ],
)
def test_the_outcome_is_told_by_word_sign_and_colour(outcome: str, failed: int, mood: str) -> None:
    record = replace(EMPTY, outcome=outcome, failed=failed)
    page = Page(report_page(Told("P.answers", record, Course(), {})))
    (told,) = (it["class"] for it in page.named("p") if "outcome" in (it.get("class") or ""))
    assert (told or "").split()[-1] == mood
    (sign,) = (it for it in page.texts if outcome.capitalize() in it and it[0] in "✓!✕")
    assert (sign[0] == "✓") == (outcome == COMPLETED)


def test_many_kinds_of_errors_share_the_last_colour_and_all_stand_in_the_table() -> None:
    told = told_of(300, earlier=0)
    span = told.course.timeline.at(0.0)
    for number in range(12):
        span.failures[f"kind {number}"] += number + 1
    text = report_page(replace(told, record=replace(told.record, errors=span.failures)))
    page = Page(text)
    assert any(it.startswith("others: ") for it in page.texts)
    assert {f"kind {n}" for n in range(12)} <= page.pairs("Errors").keys()


def test_moments_of_back_off_are_marked_where_they_were() -> None:
    course = Course()
    course.sampled(0.0, Sample(1, 4))
    quiet = report_page(Told("P.answers", EMPTY, course, {}))
    assert "Nothing held the run back" in quiet
    course.sampled(9.9, Sample(1, 4, pauses=2))
    assert "Pauses that a provider asked for: 2" in report_page(Told("P", EMPTY, course, {}))


def test_settings_that_changed_stand_beside_each_run() -> None:
    table = Page(report_page(told_of(300))).tables["The last 12 runs"]
    changes = [row[-1] for row in table]
    assert "calls at once: 32 at most → 64 at most" in changes
    assert "max_tokens: 400 → 500" in changes
    assert changes[0] == "nothing"
    assert changes[-1] == ""


def test_of_many_changes_the_first_are_named_and_the_rest_counted() -> None:
    before = replace(EMPTY, settings={f"s{n}": "1" for n in range(30)})
    now = replace(EMPTY, settings={f"s{n}": "2" for n in range(30)})
    text = report_page(Told("P.answers", now, Course(), {}, [before]))
    assert "s7: 1 → 2" in text
    assert "s8: 1 → 2" not in text
    assert "and 22 more" in text
