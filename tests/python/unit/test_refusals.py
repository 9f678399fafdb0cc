"""What a refused call means, from its status and body."""

import html
import json
import time
from collections.abc import Callable

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


@pytest.mark.parametrize("words", ["Quota exceeded", "Your quota has been exceeded"])
def test_a_quota_that_does_not_say_of_what_fills_up_again_unless_dss_refuses(words: str) -> None:
    assert call_error(Refusal(429, dss(words))).error_type == "rate_limit"
    again = call_error(Refusal(500, dss(words), retry_after=20.0))
    assert isinstance(again, TransientError)
    assert (again.error_type, again.retry_after) == ("rate_limit", 20.0)
    assert isinstance(call_error(Refusal(500, dss(words))), LlmError)


@pytest.mark.parametrize("status", [429, 500])
@pytest.mark.parametrize("retry_after", [None, 20.0])
@pytest.mark.parametrize(
    "body",
    [
        dss("Query was blocked by quota: the cost quota of project X is exceeded"),
        openai("You exceeded your current quota", "insufficient_quota"),
        dss('429 Too Many Requests: {"error": {"code": "insufficient_quota"}}'),
    ],
)
def test_money_that_is_used_up_is_not_waited_for(
    body: object, status: int, retry_after: float | None
) -> None:
    error = call_error(Refusal(status, body, retry_after))
    assert (type(error), error.error_type) == (LlmError, "quota")


LOADED = [
    "My quota exceeded",
    "Your Cost Quota is exceeded",
    "llm not found",
    "ticket not given or unrecognized",
    "what is a guardrail?",
    "explain the context window",
    'rate limit\n"too many requests"',
    'Caf\xe9\n"cost quota"',
    "<p>insufficient_quota</p> & 'java.lang.IllegalArgumentException'",
    "It says: the model `x` does not exist",
    "Unsupported parameter: 'temperature' is not supported",
    'Say "temperature" is not supported\nUnknown parameter: "top_p"',
]


def java_json(text: str) -> str:
    """As Gson writes it."""
    written = json.dumps(text, ensure_ascii=False)[1:-1]
    for mark in "<>&='\u2028\u2029":
        written = written.replace(mark, f"\\u{ord(mark):04x}")
    return f'"{written}"'


QUOTES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "JSON": json.dumps,
    "JSON that keeps letters": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON of Java": java_json,
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "HTML": html.escape,
    "capitals": str.upper,
    "one line": lambda text: " ".join(text.split()),
}


@given(
    st.sampled_from(LOADED),
    st.text(max_size=10),
    st.sampled_from(sorted(QUOTES)),
    st.none() | st.integers(1, 80),
    st.integers(0, 10),
)
def test_words_of_the_prompt_that_a_body_quotes_decide_nothing(
    loaded: str, around: str, how: str, length: int | None, skipped: int
) -> None:
    prompt = f"{around}{loaded}{around}"
    quoted = QUOTES[how](prompt)[skipped:][:length]
    sent = CompletionRequest(
        "llm", ({"role": "user", "content": prompt},), {"temperature": 0, "top_p": 1}
    )
    for body in (dss(f"Failed to query the model with {quoted}"), {"error": f"Failed: {quoted}"}):
        error = call_error(Refusal(500, body), sent)
        assert (type(error), error.error_type) == (TransientError, "server")


def test_a_ticket_about_quotas_that_a_body_cuts_does_not_stop_the_run() -> None:
    ticket = "Dear support, our cost quota is wrong again, and so is the bill. " * 20
    request = CompletionRequest("llm", ({"role": "user", "content": ticket},), {})
    error = call_error(Refusal(500, dss(f"Failed to query with: {ticket[:200]}\u2026")), request)
    assert (type(error), error.error_type) == (TransientError, "server")


def test_the_name_of_an_llm_and_its_schema_decide_nothing() -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "context length"}}
    request = CompletionRequest("openai:guardrails:gpt", (), {"response_format": schema})
    for words in ("Failed to query openai:guardrails:gpt", "Invalid schema 'context length'"):
        assert call_error(Refusal(500, dss(words)), request).error_type == "server"


def test_a_name_that_dss_or_the_provider_gives_decides_whatever_was_sent() -> None:
    prompt = "What does insufficient_quota mean?"
    request = CompletionRequest("llm", ({"role": "user", "content": prompt},), {})
    error = call_error(Refusal(429, openai(prompt, "insufficient_quota")), request)
    assert (type(error), error.error_type) == (LlmError, "quota")


def test_the_provider_s_words_and_wish_are_kept() -> None:
    error = call_error(Refusal(429, openai("slow"), retry_after=3.0))
    assert isinstance(error, TransientError)
    assert (error.provider_words, error.retry_after) == ("slow", 3.0)
    assert call_error(Refusal(400, "plain text")).provider_words == "plain text"
    assert "a page, not" in call_error(Refusal(502, PAGE)).provider_words
    assert call_error(Refusal(400, {"message": 5})).provider_words == ""


@pytest.mark.parametrize(
    "body",
    [
        {"error": "It is late"},
        {"detail": "It is late"},
        {"message": "It is late"},
        {"error": "Bad Request", "message": "It is late"},
        [{"error": {"code": 400, "message": "It is late", "status": "INVALID_ARGUMENT"}}],
    ],
)
def test_words_are_found_wherever_an_endpoint_puts_them(body: object) -> None:
    assert call_error(Refusal(400, body)).provider_words == "It is late"


def test_an_error_that_names_a_type_is_no_page() -> None:
    words = "invalid value <nil> for 'x'"
    assert call_error(Refusal(400, words)).provider_words == words


def test_a_short_message_is_taken_out_as_a_word_and_not_out_of_words() -> None:
    request = CompletionRequest("llm", ({"role": "user", "content": "a"},), {})
    error = call_error(Refusal(500, {"message": "Cost quota is exceeded by a"}), request)
    assert isinstance(error, LlmError)


def test_a_long_prompt_that_a_body_does_not_quote_keeps_nobody_waiting() -> None:
    long = tuple({"role": "user", "content": f"{n} {'word ' * 5_000}"} for n in range(50))
    started = time.process_time()
    call_error(Refusal(429, openai("slow down")), CompletionRequest("llm", long, {}))
    assert time.process_time() - started < 1.0


@pytest.mark.parametrize("mark", ["\\", '"', "`temperature"])
def test_a_line_of_quotes_that_a_body_quotes_keeps_nobody_waiting(mark: str) -> None:
    line = mark * (200_000 // len(mark))
    request = CompletionRequest("llm", ({"role": "user", "content": line},), {"temperature": 0})
    started = time.process_time()
    call_error(Refusal(500, dss(f"Failed: {json.dumps(line)}")), request)
    assert time.process_time() - started < 1.0
