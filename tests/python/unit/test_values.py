"""usage, completion, endpoint and errors: values that the rest passes around."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_prompt_batch.completion import Completion, CompletionRequest, Failure
from mesh_prompt_batch.endpoint import Endpoint, internal_url, public_url
from mesh_prompt_batch.errors import RequestError, TransientError
from mesh_prompt_batch.usage import NOTHING_REPORTED, Usage, usage_from

COUNTS = st.none() | st.integers(0, 10**9)
COSTS = st.none() | st.decimals(0, 1000, places=9)
USAGES = st.builds(Usage, COUNTS, COUNTS) | st.builds(Usage, st.integers(0, 9), COUNTS, COSTS)


@given(USAGES, USAGES, USAGES)
def test_usage_adds_up_in_any_order_and_nothing_reported_adds_nothing(
    a: Usage, b: Usage, c: Usage
) -> None:
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    assert a + NOTHING_REPORTED == a


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 0}, Usage(3, 0)),
        ({"prompt_tokens": 0, "completion_tokens": 4}, Usage(None, 4)),
        ({"prompt_tokens": 0, "completion_tokens": 0}, NOTHING_REPORTED),
        ({"prompt_tokens": None}, NOTHING_REPORTED),
        ({"prompt_tokens": "3", "completion_tokens": True}, NOTHING_REPORTED),
        ({"prompt_tokens": -1}, NOTHING_REPORTED),
        ({"prompt_tokens": 10**12, "completion_tokens": 10**12 - 1}, Usage(None, 10**12 - 1)),
        ("many", NOTHING_REPORTED),
        (None, NOTHING_REPORTED),
    ],
)
def test_usage_is_what_the_provider_counted_or_nothing(reported: object, expected: Usage) -> None:
    assert usage_from({"usage": reported}) == expected
    assert expected.reported == (expected != NOTHING_REPORTED)


def test_no_value_shows_a_prompt_an_answer_or_a_credential() -> None:
    message = {"role": "user", "content": "canary"}
    values = (
        CompletionRequest("llm", (message,), {"temperature": 0}),
        Completion("canary", "stop", NOTHING_REPORTED, "llm", 1.0, raw={"text": "canary"}),
        Failure("server", "canary"),
        Endpoint("http://x", "a key", {"X-DKU-APITicket": "canary"}, api_key="canary"),
    )
    assert all("canary" not in repr(value) for value in values)


def test_an_error_s_text_leaves_the_provider_s_words_out() -> None:
    error = TransientError("rate_limit", "canary", status=429, retry_after=3)
    assert str(error) == "rate_limit (HTTP 429)"
    assert str(RequestError("empty", "canary")) == "empty"
    assert error.provider_words == "canary"


def test_a_failure_keeps_what_the_row_s_cells_need() -> None:
    error = RequestError("bad_request", "words", status=400)
    assert Failure.of(error, 2, Usage(1, 1)) == Failure("bad_request", "words", 2, 400, Usage(1, 1))


def test_addresses_escape_the_project_key_and_stand_a_slash_at_the_end() -> None:
    assert internal_url("http://h:1/", "A B/C").startswith(
        "http://h:1/dip/publicapi/projects/A%20B%2FC/"
    )
    assert public_url("https://h", "P") == "https://h/public/api/projects/P/llms/openai/v1/"
