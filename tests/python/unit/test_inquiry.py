"""Rows asked outside a run: as a run would ask them, and nothing is left behind."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from inquiries import Input, inquiry

from fakes import FakeCalls
from mesh_prompt_batch.completion import Completion, CompletionRequest, Failure
from mesh_prompt_batch.errors import LlmError, NoLlmLeftError, RequestError, SettingsError
from mesh_prompt_batch.inquiry import asked, built


def test_rows_are_asked_in_order_and_failed_ones_are_kept_whatever_the_recipe_says(
    tmp_path: Path,
) -> None:
    calls = FakeCalls(lambda it: RequestError("bad_request", "no") if it == "b" else it.upper())
    here = inquiry(tmp_path, calls, on_failure="stop", max_failure_percent=0)
    result = asked([("a",), ("b",), ("",), ("a",)], here, here.prices())
    first, second, third, fourth = result.rows
    assert isinstance(first.outcome, Completion)
    assert first.outcome.text == "A"
    assert isinstance(second.outcome, Failure)
    assert (second.outcome.error_type, second.request is None) == ("bad_request", False)
    assert isinstance(third.outcome, Failure)
    assert (third.outcome.error_type, third.request) == ("invalid_row", None)
    assert fourth.source == "identical"
    assert (result.totals.identical, result.stopped) == (1, "")
    assert sorted(calls.asked) == ["a", "b"]
    assert calls.entered == calls.left == 1
    assert not [*tmp_path.iterdir()]


def test_a_limit_that_ends_it_is_told_and_what_was_answered_is_kept(tmp_path: Path) -> None:
    prices: dict[str, Any] = dict.fromkeys(
        ("price_per_million_input_tokens", "price_per_million_output_tokens"), 1.0
    )
    # Room for one call: some 90 bytes and 10 tokens.
    here = inquiry(
        tmp_path, FakeCalls(), spend_limit=0.00015, max_tokens=10, max_concurrency=1, **prices
    )
    result = asked([(f"{n}",) for n in range(40)], here, here.prices())
    assert "'Spend limit'" in result.stopped
    decided = [it.outcome is not None for it in result.rows]
    assert any(decided)
    assert not all(decided)


def test_no_llm_that_answers_is_an_error(tmp_path: Path) -> None:
    here = inquiry(tmp_path, FakeCalls(lambda _: LlmError("quota", "canary", status=403)))
    with pytest.raises(NoLlmLeftError) as caught:
        asked([("a",)], here, here.prices())
    assert "canary" not in str(caught.value)


def test_requests_are_built_without_a_call(tmp_path: Path) -> None:
    calls = FakeCalls()
    first, second = built([("a",), (" ",)], inquiry(tmp_path, calls))
    assert isinstance(first, CompletionRequest)
    assert isinstance(second, RequestError)
    assert not calls.entered


def test_columns_are_those_that_requests_are_made_of(tmp_path: Path) -> None:
    here = inquiry(tmp_path, FakeCalls())
    assert here.columns() == ("q",)
    template: dict[str, Any] = {"messages_mode": "template", "user_template": "Say yes."}
    assert inquiry(tmp_path, FakeCalls(), **template).columns() == ("id",)
    elsewhere = replace(here, source=Input(["id"], []))
    with pytest.raises(SettingsError, match="no column 'q'"):
        elsewhere.columns()


def test_rows_are_read_from_the_first_and_the_dataset_is_closed_behind_the_last(
    tmp_path: Path,
) -> None:
    here = inquiry(tmp_path, FakeCalls(), [(str(n), f"question {n}") for n in range(20)])
    assert isinstance(here.source, Input)
    for most, count in ((8, 8), (None, 20), (50, 20)):
        # Who asks for rows may hold on to what gave them.
        rows = here.rows(most)
        assert [*rows] == [(f"question {n}",) for n in range(count)]
        assert not here.source.is_open


def test_a_spend_limit_without_a_price_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="'Spend limit' cannot be held"):
        inquiry(tmp_path, FakeCalls(), spend_limit=1).prices()
