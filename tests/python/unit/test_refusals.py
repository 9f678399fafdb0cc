"""What a refused call means, from its status and body."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_prompt_batch.completion import CompletionRequest
from mesh_prompt_batch.errors import CallError, LlmError, RequestError, TransientError
from mesh_prompt_batch.refusals import Refusal, call_error

PAGE = "<html><body>502 Bad Gateway</body></html>"
CODED = "com.dataiku.dip.exceptions.CodedIOException"


def dss(message: str, error_type: str = CODED) -> dict[str, str]:
    return {"errorType": error_type, "message": "short", "detailedMessage": message}


def openai(message: str, code: str = "") -> dict[str, object]:
    return {"error": {"message": message, "code": code, "type": None}}


CASES: list[tuple[int, object, type[CallError], str]] = [
    (408, dss("late"), TransientError, "timeout"),
    (409, dss("conflict"), TransientError, "server"),
    (429, dss("slow down"), TransientError, "rate_limit"),
    (429, openai("You exceeded", "insufficient_quota"), LlmError, "quota"),
    (500, dss("Failed to query"), TransientError, "server"),
    (500, None, TransientError, "server"),
    (500, dss("Rate limit of provider reached"), TransientError, "rate_limit"),
    (502, PAGE, TransientError, "server"),
    (503, dss("restarting"), TransientError, "server"),
    (504, PAGE, TransientError, "timeout"),
    (400, dss("bad"), RequestError, "bad_request"),
    (422, dss("bad"), RequestError, "bad_request"),
    (500, dss("temperature", "java.lang.IllegalArgumentException"), RequestError, "bad_request"),
    (400, openai("too big", "context_length_exceeded"), RequestError, "context_length"),
    (500, dss("maximum context length is 8192 tokens"), RequestError, "context_length"),
    (500, dss("Rejected by guardrail"), RequestError, "guardrail"),
    (401, dss("Unknown API Key"), LlmError, "authentication"),
    (402, dss("pay"), LlmError, "quota"),
    (403, dss("Failed to read project permissions"), LlmError, "authentication"),
    (404, dss("No route"), LlmError, "not_found"),
    (500, dss("Ticket not given or unrecognized"), LlmError, "authentication"),
    (500, dss("Cost quota is exceeded"), LlmError, "quota"),
    (500, dss("LLM not found: a:b"), LlmError, "not_found"),
    (503, dss("LLM not found while restarting"), TransientError, "server"),
]


@pytest.mark.parametrize(("status", "body", "kind", "error_type"), CASES)
def test_status_and_words_decide_what_happens_next(
    status: int, body: object, kind: type[CallError], error_type: str
) -> None:
    error = call_error(Refusal(status, body))
    assert (type(error), error.error_type, error.status) == (kind, error_type, status)


LOADED = [
    "My quota exceeded",
    "llm not found",
    "ticket not given or unrecognized",
    "what is a guardrail?",
    "explain the context window",
    'rate limit\n"too many requests"',
]


@given(st.sampled_from(LOADED), st.text(max_size=10), st.booleans())
def test_words_of_the_prompt_that_a_body_quotes_decide_nothing(
    loaded: str, around: str, as_json: bool
) -> None:
    import json  # noqa: PLC0415  # only here

    prompt = f"{around}{loaded}{around}"
    quoted = json.dumps(prompt) if as_json else prompt
    request = CompletionRequest("llm", ({"role": "user", "content": prompt},), {})
    error = call_error(Refusal(500, dss(f"Failed to query the model with {quoted}")), request)
    assert (type(error), error.error_type) == (TransientError, "server")


def test_the_provider_s_words_and_wish_are_kept() -> None:
    error = call_error(Refusal(429, openai("slow"), retry_after=3.0))
    assert isinstance(error, TransientError)
    assert (error.provider_words, error.retry_after) == ("slow", 3.0)
    assert call_error(Refusal(400, "plain text")).provider_words == "plain text"
    assert "a page, not" in call_error(Refusal(502, PAGE)).provider_words
    assert call_error(Refusal(400, {"message": 5})).provider_words == ""


def test_a_short_message_is_taken_out_as_a_word_and_not_out_of_words() -> None:
    request = CompletionRequest("llm", ({"role": "user", "content": "a"},), {})
    error = call_error(Refusal(500, {"message": "Cost quota is exceeded by a"}), request)
    assert isinstance(error, LlmError)


def test_a_long_prompt_that_a_body_does_not_quote_keeps_nobody_waiting() -> None:
    long = tuple({"role": "user", "content": f"{n} {'word ' * 5_000}"} for n in range(50))
    started = time.process_time()
    call_error(Refusal(429, openai("slow down")), CompletionRequest("llm", long, {}))
    assert time.process_time() - started < 1.0
