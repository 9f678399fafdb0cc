"""A run as one line of its history, and what is made of lines that are something else."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_prompt_batch.completion import Completion, Failure
from mesh_prompt_batch.run_record import (
    COMPLETED,
    LONGEST_SETTING,
    RunRecord,
    counts_of,
    settings_shown,
)
from mesh_prompt_batch.totals import Totals
from mesh_prompt_batch.usage import Usage

RECORD = RunRecord("r", "2026-11-24T10:00:00+00:00", "2026-11-24T10:01:00+00:00", COMPLETED, "All.")


@given(
    st.builds(
        replace, st.just(RECORD), sentence=st.text(), settings=st.dictionaries(st.text(), st.text())
    )
)
def test_a_record_is_one_line_and_comes_back_the_same(record: RunRecord) -> None:
    line = record.to_line()
    assert "\n" not in line
    assert RunRecord.from_line(line) == record


def changed(**values: object) -> str:
    return json.dumps({**json.loads(RECORD.to_line()), **values})


SOMETHING_ELSE = {
    "nothing": "",
    "no object": "[]",
    "no format": "{}",
    "no record": '{"format":1}',
    "too deep": '{"a":' * 100_000,
    "a newer format": changed(format=2),
    "words for a count": changed(rows="many"),
    "a truth for a count": changed(rows=True),
    "less than none": changed(rows=-1),
    "no number": changed(seconds=float("nan")),
    "words for a time": changed(seconds="1"),
    "far too many": changed(calls=10**300),
    "no time at all": changed(seconds=5e-324, answered=1),
    "a cost in words": changed(cost="dear"),
    "a cost that is none": changed(cost="NaN"),
    "null": changed(started=None),
    "a list of errors": changed(errors=[]),
    "errors in words": changed(errors={"server": "x"}),
    "a setting that is no text": changed(settings={"a": 1}),
    "more than we know": changed(more=1),
}


@pytest.mark.parametrize("case", SOMETHING_ELSE)
def test_a_line_that_is_something_else_is_none(case: str) -> None:
    assert RunRecord.from_line(SOMETHING_ELSE[case]) is None


def test_whole_seconds_are_seconds_too() -> None:
    assert RunRecord.from_line(changed(seconds=3)) is not None


def test_counts_are_those_of_the_totals() -> None:
    totals = Totals(rows=5, resumed=1, identical=1)
    totals.call_started(10.0)
    totals.call_ended(12.0)
    totals.add(1, Completion("x", "stop", Usage(100, 10, Decimal("0.30")), "llm", 1.0, 2))
    totals.add(2, Completion("x", "stop", Usage(100, 30, Decimal("0.10")), "llm", 3.0))
    totals.add(3, Failure("server", "x", 3))
    record = replace(RECORD, **counts_of(totals))
    assert (record.rows, record.decided, record.calls, record.tokens) == (5, 3, 6, 240)
    assert record.rows_per_second == 1.5
    assert record.failure_percent == pytest.approx(100 / 3)
    assert (record.exact_cost, record.cost_per_thousand) == (Decimal("0.40"), Decimal("133.333333"))
    assert record.errors == {"server": 1}
    assert record.p50 == 1.0
    assert record.p99 == pytest.approx(3.0, rel=0.03)


def test_what_is_not_known_stays_unknown() -> None:
    assert (RECORD.exact_cost, RECORD.cost_per_thousand) == (None, None)
    called = Totals()
    called.call_started(1.0)
    assert counts_of(called)["cost"] == ""
    assert replace(RECORD, cost="1", answered=2, unpriced=1).cost_per_thousand is None
    assert (RECORD.rows_per_second, RECORD.failure_percent) == (0.0, 0.0)


def test_a_run_without_calls_cost_nothing() -> None:
    assert counts_of(Totals())["cost"] == "0"


def test_changes_name_what_was_and_what_is() -> None:
    before = replace(
        RECORD, settings={"a": "1", "b": "2", "gone": "x"}, versions={"Python": "3.10"}
    )
    now = replace(RECORD, settings={"a": "1", "b": "3"}, versions={"Python": "3.11"})
    assert now.changed_since(before) == ["b: 2 → 3", "Python: 3.10 → 3.11", "gone: x → none"]
    assert now.changed_since(now) == []


def test_long_settings_are_cut_and_still_tell_that_they_changed() -> None:
    columns = ", ".join(f"column {n}" for n in range(500))
    shown, other = settings_shown({"kept": columns}), settings_shown({"kept": columns + "!"})
    assert len(shown["kept"]) <= LONGEST_SETTING
    assert shown != other
    assert settings_shown({"retries": 6}) == {"retries": "6"}
