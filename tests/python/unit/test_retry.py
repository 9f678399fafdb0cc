"""When a call is made again, and after how long."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_prompt_batch.completion import Completion, CompletionRequest, Failure, Outcome
from mesh_prompt_batch.errors import LlmError, RequestError, RunStoppedError, TransientError
from mesh_prompt_batch.retry import RetryPolicy, complete_with_retries, retry_after
from mesh_prompt_batch.usage import Usage

REQUEST = CompletionRequest("llm", (), {})
DONE = Completion("fine", "stop", Usage(1, 1), "llm", 0.1)
BUSY = TransientError("rate_limit", "busy", status=429)
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
JITTER = st.floats(0, 1, exclude_max=True)


def played(
    answers: Sequence[Completion | Exception], policy: RetryPolicy
) -> tuple[Outcome, list[float]]:
    """The outcome, and the pauses that a fake clock was asked for."""
    left, pauses = list(answers), list[float]()

    async def call(_: CompletionRequest) -> Completion:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    return asyncio.run(complete_with_retries(call, REQUEST, policy, sleep, lambda: 0.5)), pauses


@given(st.integers(1, 20), JITTER)
def test_a_retry_never_comes_at_once_and_never_later_than_the_longest_delay(
    attempt: int, jitter: float
) -> None:
    policy = RetryPolicy(max_retries=20)
    wait = policy.wait_after(BUSY, attempt, jitter)
    assert wait is not None
    assert policy.first_delay / 2 <= wait <= policy.max_delay


@given(st.floats(0, 600), st.integers(1, 6), JITTER)
def test_the_server_s_own_figure_is_a_lower_bound(
    asked: float, attempt: int, jitter: float
) -> None:
    error = TransientError("rate_limit", "", retry_after=asked)
    wait = RetryPolicy().wait_after(error, attempt, jitter)
    assert wait is not None
    assert asked <= wait <= asked + 1.0


def test_a_longer_pause_than_the_user_allows_stops_the_run() -> None:
    error = TransientError("rate_limit", "", retry_after=601)
    with pytest.raises(RunStoppedError, match=r"pause of 601 s.*'Longest wait \(seconds\)'"):
        RetryPolicy().wait_after(error, 1, 0.0)


def test_attempts_and_tokens_of_all_calls_count() -> None:
    outcome, pauses = played([BUSY, BUSY, DONE], RetryPolicy())
    assert isinstance(outcome, Completion)
    assert (outcome.attempts, outcome.usage) == (3, Usage(1, 1))
    assert pauses == [0.375, 0.75]
    assert played([DONE], RetryPolicy())[0] is DONE


def test_a_row_fails_when_its_retries_are_used_up_or_would_not_help() -> None:
    outcome, pauses = played([BUSY, BUSY], RetryPolicy(max_retries=1))
    assert outcome == Failure("rate_limit", "busy", 2, 429)
    assert len(pauses) == 1
    paid = RequestError("truncated", "cut", usage=Usage(5, 7))
    outcome, _ = played([BUSY, paid], RetryPolicy())
    assert outcome == Failure("truncated", "cut", 2, None, Usage(5, 7))


def test_what_ends_the_run_passes_through() -> None:
    with pytest.raises(RunStoppedError):
        played([RunStoppedError("")], RetryPolicy())


def test_an_llm_that_refuses_every_row_costs_this_one_and_calls_are_counted() -> None:
    outcome, _ = played([BUSY, LlmError("quota", "words", status=500)], RetryPolicy())
    assert outcome == Failure("quota", "words", 2, 500)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": f"Thu, 01 Jan {'9' * 30} 00:00:30 GMT"}, None),
        ({}, None),
        ({"retry-after": "Thu, 01 Jan 2026 00:00:30 -0000"}, 30.0),
    ],
)
def test_retry_after_is_read_in_all_its_forms(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(headers, NOW) == seconds


@given(st.integers(-1000, 100_000))
def test_retry_after_may_be_a_date(seconds: int) -> None:
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert retry_after({"retry-after": date}, NOW) == max(0.0, float(seconds))


@given(st.text())
def test_no_header_breaks_the_run(text: str) -> None:
    found = retry_after({"retry-after": text})
    assert found is None or found >= 0
