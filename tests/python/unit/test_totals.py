"""Counts, limits on failed rows, and the lines of the log."""

import pytest

from mesh_prompt_batch.completion import Completion, Failure
from mesh_prompt_batch.errors import RunStoppedError
from mesh_prompt_batch.progress import closing_lines, duration, progress_line
from mesh_prompt_batch.run_settings import FailureLimits
from mesh_prompt_batch.totals import Totals
from mesh_prompt_batch.usage import NOTHING_REPORTED, Usage

DONE = Completion("fine", "stop", Usage(1000, 10), "llm", 0.1)
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
    assert "0.0 rows/s" in progress_line(totals)
    totals.call_started(100.0)
    totals.call_started(101.0)
    totals.call_ended(120.0)
    assert progress_line(totals) == (
        "40/100 rows, 2.0 rows/s, 10 failed, 30,000 + 300 tokens, 1 calls in flight, 30.0 s left"
    )
    totals.all_read = False
    assert progress_line(totals).startswith("40 rows, 2.0 rows/s")
    assert "left" not in progress_line(totals)


def test_the_last_lines_name_what_is_not_in_the_totals() -> None:
    totals = counted(0, 1)
    assert closing_lines(totals)[-1].startswith("Total: 0 rows answered, 1 failed, 3 calls, tokens")
    totals.add(2, Completion("x", "stop", NOTHING_REPORTED, "llm", 0.1))
    assert closing_lines(totals)[0] == "Failed rows, server: 1 (e.g. row 1, HTTP 503, 3 calls)"
    assert closing_lines(totals)[-1].startswith("1 answers came without token counts")


@pytest.mark.parametrize(
    ("seconds", "text"), [(42.04, "42.0 s"), (200, "3 min 20 s"), (18_120, "5 h 02 min")]
)
def test_durations_are_written_as_people_write_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text
