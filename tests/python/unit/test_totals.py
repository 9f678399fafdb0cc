"""Counts, limits on failed rows, and the lines of the log."""

from decimal import Decimal

import pytest

from mesh_prompt_batch.completion import Completion, Failure
from mesh_prompt_batch.errors import RunStoppedError
from mesh_prompt_batch.progress import Progress, closing_lines
from mesh_prompt_batch.run_settings import FailureLimits
from mesh_prompt_batch.totals import Totals
from mesh_prompt_batch.usage import NOTHING_REPORTED, Usage

DONE = Completion("fine", "stop", Usage(1000, 10, Decimal("0.01")), "llm", 0.1)
FAILED = Failure("server", "canary", 3, 503)


def counted(completed: int, failed: int, rows: int | None = None) -> Totals:
    totals = Totals(rows=rows or completed + failed, all_read=True)
    for number in range(completed):
        totals.add(number + 1, DONE)
    for number in range(failed):
        totals.add(completed + number + 1, FAILED)
    return totals


def test_no_success_fails_whatever_the_limits_say() -> None:
    with pytest.raises(RunStoppedError, match=r"No row was answered \(server: 2 \(e.g. row 1"):
        counted(0, 2).check_at_end(FailureLimits())
    counted(0, 0).check_at_end(FailureLimits(max_percent=0))


def test_the_share_counts_from_100_rows_on_and_at_the_end() -> None:
    limits = FailureLimits(max_percent=10)
    counted(50, 49).check(limits)
    counted(90, 10).check(limits)
    with pytest.raises(
        RunStoppedError, match=r"11 of 100 rows failed .*\(percent\)' allows \(10\)"
    ):
        counted(89, 11).check(limits)
    with pytest.raises(RunStoppedError, match="2 of 3 rows failed"):
        counted(1, 2).check_at_end(limits)


def test_the_first_failure_stops_where_the_user_wants_it() -> None:
    limits = FailureLimits(stop_at_first=True)
    counted(5, 0).check(limits)
    with pytest.raises(RunStoppedError, match="5 of 9 rows were answered, 1 failed"):
        counted(5, 1, rows=9).check(limits)


def test_the_digest_counts_kinds_and_quotes_nobody() -> None:
    totals = counted(1, 2)
    totals.add(9, Failure("invalid_row", "canary", 0))
    assert totals.digest() == [
        "server: 2 (e.g. row 2, HTTP 503, 3 calls)",
        "invalid_row: 1 (e.g. row 9, 0 calls)",
    ]
    assert totals.attempts == 7


def test_the_progress_line_has_what_an_operator_looks_for() -> None:
    totals = counted(30, 10, rows=100)
    assert "0.0 rows/s" in Progress(totals).line(0)
    totals.call_started(100.0)
    totals.call_started(101.0)
    totals.call_ended(120.0)
    assert Progress(totals).line(1, "the disk") == (
        "40/100 rows, 2.0 rows/s, 23.8 s to 40.6 s left, 10 failed, 30,000 + 300 tokens, cost 0.30,"
        " about 0.75 in all, 1 calls in flight, bound by the disk"
    )
    totals.all_read = False
    assert Progress(totals).line(0).startswith("40 rows, 2.0 rows/s, 10 failed")
    assert "in all" not in Progress(totals).line(0)


def test_nothing_is_projected_where_no_price_is_known_or_all_is_done() -> None:
    totals = counted(0, 3, rows=9)
    assert "cost" not in Progress(totals).line(0)
    assert "in all" not in Progress(counted(3, 0)).line(0)


def test_the_last_lines_name_what_is_not_in_the_totals() -> None:
    totals = counted(0, 1)
    assert closing_lines(totals)[-1].startswith("Total: 0 rows answered, 1 failed, 3 calls, tokens")
    totals.calls_without_usage.failed += 3
    totals.calls_without_usage.answered += 1
    assert closing_lines(totals)[0] == "Failed rows, server: 1 (e.g. row 1, HTTP 503, 3 calls)"
    assert closing_lines(totals)[-1] == (
        "Without token counts, so not in the totals: 1 answered and 3 failed calls."
    )


def test_the_cost_per_1_000_rows_needs_the_cost_of_every_row() -> None:
    totals = counted(2, 2)
    assert "cost 0.02, 5.00 per 1,000 rows, " in closing_lines(totals)[-1]
    totals.add(5, Completion("x", "stop", NOTHING_REPORTED, "llm", 0.1))
    assert "cost 0.02, 0.0 s of calls" in closing_lines(totals)[-1]
    assert totals.spent.unpriced == 1
