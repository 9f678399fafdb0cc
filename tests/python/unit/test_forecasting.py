"""A forecast: from the input's size, a sample of its requests, and some real calls."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from inquiries import Input, inquiry

from fakes import FakeCalls
from mesh_prompt_batch.errors import PromptBatchError, RequestError, SettingsError
from mesh_prompt_batch.forecast_bounds import Bounds
from mesh_prompt_batch.forecast_settings import ForecastSettings
from mesh_prompt_batch.forecast_table import forecast_table
from mesh_prompt_batch.forecasting import Forecast, forecast_of
from mesh_prompt_batch.inquiry import Inquiry
from mesh_prompt_batch.invalid_rows import reason
from mesh_prompt_batch.prediction import Interval
from mesh_prompt_batch.sampling import drawn

PRICED: dict[str, Any] = {
    "price_per_million_input_tokens": 1_000.0,
    "price_per_million_output_tokens": 10_000.0,
}


def made(here: Inquiry, **settings: Any) -> Forecast:
    return forecast_of(here, ForecastSettings("ask", **settings), lambda _: None)


def rows(*questions: str) -> list[tuple[str, str]]:
    return [(str(n), it) for n, it in enumerate(questions, 1)]


def numbered(count: int) -> list[tuple[str, str]]:
    return rows(*(f"question {n:04d}" for n in range(count)))


def lines(forecast: Forecast, here: Inquiry) -> dict[str, list[str]]:
    table = forecast_table(forecast, here)
    assert all(len(row) == len(table.columns) for row in table.rows)
    return {str(row[0]): [*row[1:]] for row in table.rows}


def test_without_calls_nothing_is_sent_and_bounds_are_told(tmp_path: Path) -> None:
    calls = FakeCalls()
    here = inquiry(tmp_path, calls, numbered(40), max_tokens=100, **PRICED)
    told: list[int] = []
    forecast = forecast_of(here, ForecastSettings("ask"), told.append)
    assert not calls.entered
    assert told == [20, 40, 100]
    assert forecast.to_send == 40
    # 13 bytes of text: 1.6 tokens at least; the whole body has 114 bytes with all its braces.
    assert forecast.prompt_tokens.low == pytest.approx(40 * 13 / 8)
    assert forecast.completion_tokens == Bounds(40, 4_000)
    assert isinstance(forecast.cost, Bounds)
    assert forecast.cost.low == pytest.approx((40 * 13 / 8 * 1_000 + 40 * 10_000) / 1e6)
    assert forecast.cost.high is not None
    assert forecast.cost.high > 40
    shown = lines(forecast, here)
    assert "bounds, no call was made" in shown["Tokens in"][-1]
    assert shown["Real calls"] == ["0", "", "nothing was spent"]
    assert shown["Duration"][:2] == ["", ""]
    assert list(forecast_table(forecast, here).columns.values())[1:3] == [
        "Lower bound",
        "Upper bound",
    ]


def test_limits_a_minute_bound_the_duration_from_below(tmp_path: Path) -> None:
    here = inquiry(tmp_path, FakeCalls(), numbered(120), requests_per_minute=60)
    assert made(here).seconds == Bounds(120.0, None)
    here = inquiry(tmp_path, FakeCalls(), numbered(120), tokens_per_minute=60)
    assert made(here).seconds.low == pytest.approx(120 * (13 / 8 + 1))


def test_real_calls_give_intervals_and_what_they_cost(tmp_path: Path) -> None:
    calls = FakeCalls()
    here = inquiry(tmp_path, calls, numbered(500), **PRICED)
    forecast = made(here, calls=40)
    assert len(calls.asked) == len({*calls.asked}) == 40
    # Each call of the fake: two tokens in, one out, 0.1 seconds.
    assert forecast.prompt_tokens == Interval(1_000, 1_000, 1_000)
    assert forecast.completion_tokens == Interval(500, 500, 500)
    assert isinstance(forecast.cost, Interval)
    assert forecast.cost.middle == pytest.approx(6.0)
    assert isinstance(forecast.seconds, Interval)
    assert forecast.seconds.middle == pytest.approx(0.1 * 500 / 16, rel=0.05)
    assert forecast.calls is not None
    assert (forecast.calls.calls, forecast.calls.cost) == (40, Decimal("0.48"))
    shown = lines(forecast, here)
    assert "the truth lies between P10 and P90 four times in five" in shown["Tokens in"][-1]
    assert shown["Cost"][:3] == ["6.00", "6.00", "6.00"]
    assert shown["Cost of the real calls"][0] == "0.48"


def test_own_limits_hold_up_what_calls_alone_would_do(tmp_path: Path) -> None:
    here = inquiry(tmp_path, FakeCalls(), numbered(300), requests_per_minute=6_000)
    assert made(here, calls=10).seconds == Interval(3.0, 3.0, 3.0)
    here = inquiry(tmp_path, FakeCalls(), numbered(300), tokens_per_minute=900)
    seconds = made(here, calls=10).seconds
    assert isinstance(seconds, Interval)
    assert seconds.middle == pytest.approx(60.0)


def test_few_calls_are_told_to_be_few(tmp_path: Path) -> None:
    here = inquiry(tmp_path, FakeCalls(), numbered(100), **PRICED)
    assert "not calibrated" in lines(made(here, calls=29), here)["Tokens in"][-1]
    forecast = made(here, calls=4)
    assert isinstance(forecast.cost, Bounds)
    shown = lines(forecast, here)
    assert "fewer than 5 rows were answered" in shown["Tokens in"][-1]
    assert shown["Real calls"][0] == "4"


def test_failed_rows_are_counted_and_take_their_time(tmp_path: Path) -> None:
    calls = FakeCalls(lambda it: RequestError("bad_request", "no") if it.endswith("0") else it)
    here = inquiry(tmp_path, calls, numbered(40), **PRICED)
    forecast = made(here, calls=40)
    assert forecast.calls is not None
    assert (forecast.calls.rows, forecast.calls.failed) == (40, 4)
    assert isinstance(forecast.completion_tokens, Interval)
    assert forecast.completion_tokens.middle == pytest.approx(36)


def test_rows_that_cannot_be_sent_are_told_by_number_and_reason(tmp_path: Path) -> None:
    here = inquiry(tmp_path, FakeCalls(), rows("a", " ", "b", ""), **PRICED)
    forecast = made(here)
    assert [(it.number, it.reason) for it in forecast.invalid] == [
        (2, "The user message is blank, as 'q' is blank."),
        (4, "The user message is blank, as 'q' is blank."),
    ]
    assert forecast.to_send == 2
    shown = lines(forecast, here)
    assert shown["Row 2"][-1].startswith("The user message is blank")
    assert shown["Rows to send"][0] == "2"


def test_identical_rows_are_sent_once(tmp_path: Path) -> None:
    same = rows(*["a", "b", "a", "a"] * 5)
    assert made(inquiry(tmp_path, FakeCalls(), same)).to_send == 2
    assert made(inquiry(tmp_path, FakeCalls(), same)).identical == 18
    each = inquiry(tmp_path, FakeCalls(), same, send_identical_rows_once=False)
    assert (made(each).to_send, made(each).identical) == (20, 0)


def test_what_a_sample_has_once_tells_how_many_more_there_are(tmp_path: Path) -> None:
    few = rows(*(f"question {n % 7}" for n in range(5_000)))
    assert made(inquiry(tmp_path, FakeCalls(), few), sample_rows=100).to_send == 7
    assert made(inquiry(tmp_path, FakeCalls(), numbered(5_000)), sample_rows=100).to_send == 5_000


def test_a_counted_input_is_sampled_at_random_by_dataiku(tmp_path: Path) -> None:
    here = inquiry(tmp_path, FakeCalls(), rows(*["", *map(str, range(299))]))
    assert isinstance(here.source, Input)
    here.source.counted = 1_000
    sample = drawn(here, 50)
    assert (sample.total, sample.numbers, len(sample.rows)) == (1_000, None, 50)
    assert "counted last" in sample.counted
    # All of 300 rows, of which one is blank.
    forecast = made(here, sample_rows=500)
    assert forecast.drawn.total == 300 or forecast.drawn.numbers is None
    (invalid,) = forecast.invalid
    assert invalid.reason.startswith("The user message is blank")


def test_a_passed_input_is_counted_and_every_row_may_be_chosen(tmp_path: Path) -> None:
    here = inquiry(tmp_path, FakeCalls(), numbered(1_000))
    sample = drawn(here, 100)
    assert sample.total == 1_000
    assert sample.numbers == sorted(sample.numbers or [])
    assert 400 < sum(sample.numbers or []) / 100 < 600
    assert all(
        row == (f"question {at - 1:04d}",)
        for at, row in zip(sample.numbers or [], sample.rows, strict=True)
    )
    limited = drawn(inquiry(tmp_path, FakeCalls(), numbered(1_000), row_limit=30), 100)
    assert (limited.total, limited.whole) == (30, True)


def test_an_input_without_rows_costs_nothing(tmp_path: Path) -> None:
    here = inquiry(tmp_path, FakeCalls(), [], **PRICED)
    forecast = made(here, calls=10, fail_above=Decimal(1))
    assert (forecast.to_send, forecast.cost) == (0, Bounds(0.0, 0.0))
    assert lines(forecast, here)["Rows"][0] == "0"


def test_a_cost_above_the_limit_is_one_sentence(tmp_path: Path) -> None:
    here = inquiry(tmp_path, FakeCalls(), numbered(50), **PRICED)
    with pytest.raises(
        PromptBatchError, match=re.escape("(upper bound without calls), above 'Fail above' (0.50).")
    ):
        made(here, fail_above=Decimal("0.5"))
    with pytest.raises(
        PromptBatchError, match=re.escape("is 0.60 (P90), above 'Fail above' (0.50).")
    ):
        made(here, fail_above=Decimal("0.5"), calls=40)
    made(here, fail_above=Decimal("0.7"), calls=40)


def test_a_limit_on_what_cannot_be_known_is_refused_before_any_call(tmp_path: Path) -> None:
    calls = FakeCalls()
    with pytest.raises(SettingsError, match="'Fail above' needs prices"):
        made(inquiry(tmp_path, calls, numbered(9)), fail_above=Decimal(1), calls=5)
    with pytest.raises(SettingsError, match="'Fail above' has no upper bound"):
        made(
            inquiry(tmp_path, calls, numbered(9), max_tokens=None, **PRICED), fail_above=Decimal(1)
        )
    assert not calls.asked


def test_an_image_by_address_leaves_no_upper_bound(tmp_path: Path) -> None:
    data = [("1", "https://example.com/a.png")]
    here = inquiry(tmp_path, FakeCalls(), data, user_column="id", image_column="q", **PRICED)
    forecast = made(here)
    assert forecast.prompt_tokens.high is None
    with pytest.raises(PromptBatchError, match="cannot be forecast"):
        made(here, fail_above=Decimal(1))


def test_without_a_price_the_cost_stays_blank(tmp_path: Path) -> None:
    here = inquiry(tmp_path, FakeCalls(), numbered(30))
    forecast = made(here, calls=10)
    assert forecast.cost == Bounds(None, None)
    shown = lines(forecast, here)["Cost"]
    assert shown == ["", "", "", "no price is known, or tokens were not counted"]


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("The message is blank, as 'q' is blank.", "The message is blank, as 'q' is blank."),
        ("The image 'it's secret' is no file.", "The image '…' is no file."),
        ("'q' must be a number, not \"a 'secret'\".", "'q' must be a number, not '…'."),
        ("The image 'secret' is not in the folder 'Images'.", "The image '…'."),
        ("No quotes.", "No quotes."),
    ],
)
def test_reasons_hold_nothing_of_a_cell(words: str, shown: str) -> None:
    assert reason(words, ["q"]) == shown


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"calls": 300}, "'Real calls' cannot be more than 'Sampled rows'"),
        ({"sample_rows": 0}, "'Sampled rows' must be between 1 and 10000"),
        ({"fail_above": -1}, "'Fail above' must be 0 or more"),
    ],
)
def test_the_form_is_checked(config: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        ForecastSettings.from_config({"recipe": "ask", **config})
