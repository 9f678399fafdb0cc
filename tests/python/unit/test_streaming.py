"""A streamed answer, read as it comes: when it is whole, and when it failed."""

import json
from collections.abc import Iterator

import pytest

from mesh_prompt_batch.completion import Completion, CompletionRequest
from mesh_prompt_batch.errors import CallError, LlmError, RequestError, TransientError
from mesh_prompt_batch.streaming import StreamedAnswer, TextStream
from mesh_prompt_batch.usage import Usage

QUESTION = "What does 'rate limit' mean, and what a quota exceeded?"
REQUEST = CompletionRequest("llm", ({"role": "user", "content": QUESTION},), {})
USAGE = {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}}
DONE = b"data: [DONE]\n\n"


def chunk(text: object = None, reason: str | None = None, **delta: object) -> dict[str, object]:
    return {"choices": [{"delta": {"content": text, **delta}, "finish_reason": reason}]}


def events(*chunks: object, done: bool = True) -> list[bytes]:
    return [f"data: {json.dumps(it)}\n\n".encode() for it in chunks] + [DONE] * done


def answered(*blocks: bytes) -> Completion:
    answer = StreamedAnswer(REQUEST)
    for block in blocks:
        list(answer.add(block))
    return answer.completion()


def refused(*blocks: bytes) -> CallError:
    with pytest.raises(CallError) as caught:
        answered(*blocks)
    return caught.value


def test_text_comes_as_it_comes_and_the_whole_at_the_end() -> None:
    chunks = [chunk(), chunk("Once "), "noise", {"choices": [None]}, chunk("more")]
    sent = events(*chunks, chunk("", "stop"), USAGE)
    stream = TextStream(lambda: iter(sent), REQUEST)
    assert list(stream) == ["Once ", "more"]
    assert stream.completion is not None
    assert (stream.completion.text, stream.completion.finish_reason) == ("Once more", "stop")
    assert stream.completion.usage == Usage(5, 2)


@pytest.mark.parametrize("reason", [None, "stop"])
@pytest.mark.parametrize("done", [True, False])
def test_an_answer_is_whole_where_the_llm_said_why_it_stopped(
    reason: str | None, done: bool
) -> None:
    sent = events(chunk("Once"), chunk(None, reason), done=done)
    if reason:
        assert answered(*sent).text == "Once"
    else:
        error = refused(*sent)
        assert (type(error), error.error_type) == (TransientError, "connection")


def test_the_first_text_is_timed_and_every_piece_is_a_sign_of_life() -> None:
    times = iter([10.0, 11.0, 12.5, 15.0, 16.0])
    answer = StreamedAnswer(REQUEST, lambda: next(times))
    signs = [answer.last_sign]
    for block in events(chunk(""), chunk(reasoning_content="hm"), chunk("a"), chunk("b", "stop")):
        list(answer.add(block))
        signs.append(answer.last_sign)
    assert signs == [10.0, 10.0, 11.0, 12.5, 15.0, 15.0]
    found = answer.completion()
    assert (found.time_to_first_token_seconds, found.latency_seconds) == (2.5, 6.0)


ERRORS: dict[str, tuple[bytes, type[CallError], str]] = {
    "OpenAI's envelope": (
        b'data: {"error": {"message": "The server had an error", "type": "server_error"}}\n\n',
        TransientError,
        "server",
    ),
    "with a status": (
        b'data: {"error": {"message": "slow down", "code": 429}}\n\n',
        TransientError,
        "rate_limit",
    ),
    "with a code": (
        b'data: {"error": {"message": "x", "code": "insufficient_quota"}}\n\n',
        LlmError,
        "quota",
    ),
    "a word alone": (b'data: {"error": "Blocked by guardrail"}\n\n', RequestError, "guardrail"),
    "beside a choice": (
        b'data: {"error": {"code": 502}, "choices": [{"finish_reason": "error"}]}\n\n',
        TransientError,
        "server",
    ),
    "DSS's words": (
        b'data: {"errorType": "CodedIOException", "message": "x", "detailedMessage": "guardrail"}\n\n',
        RequestError,
        "guardrail",
    ),
    "DSS's error chunk": (
        b'event: error-chunk\ndata: {"errorMessage": "too many tokens", "errorCode": null}\n\n',
        RequestError,
        "context_length",
    ),
    "by its name alone": (b'event: error\ndata: "provider died"\n\n', TransientError, "server"),
}


@pytest.mark.parametrize("case", ERRORS)
@pytest.mark.parametrize("whole", [True, False])
def test_an_error_that_comes_as_a_chunk_is_an_error_at_any_time(case: str, whole: bool) -> None:
    block, error_type, name = ERRORS[case]
    before = events(chunk("Once", "stop" if whole else None), done=False)
    error = refused(*before, block, DONE)
    assert (type(error), error.error_type) == (error_type, name)
    stream = TextStream(lambda: iter([*before, block]), REQUEST)
    with pytest.raises(error_type):
        list(stream)
    assert stream.completion is None


def test_an_error_that_quotes_the_prompt_is_judged_by_its_own_words() -> None:
    block = f"data: {json.dumps({'error': {'message': f'Failed: {QUESTION}'}})}\n\n".encode()
    assert refused(block).error_type == "server"


def test_what_breaks_after_the_answer_is_whole_costs_nothing() -> None:
    def cut() -> Iterator[bytes]:
        yield from events(chunk("Once", "stop"), done=False)
        raise TransientError("connection", "cut")

    stream = TextStream(cut, REQUEST)
    assert list(stream) == ["Once"]
    assert stream.completion is not None
    assert stream.completion.text == "Once"


def test_a_chunk_that_is_no_json_is_a_cut_answer() -> None:
    error = refused(b"data: {broken\n\n")
    assert (type(error), error.error_type) == (TransientError, "connection")


def test_null_content_is_named_as_without_streaming() -> None:
    assert refused(*events(chunk(None, "length"))).error_type == "truncated"
    thought = refused(*events(chunk(None, "length", reasoning_content="hm")))
    assert (thought.error_type, "reasoning" in thought.provider_words) == ("truncated", True)
    assert refused(*events(chunk(None, "stop"))).error_type == "empty"
    assert refused(*events(chunk("x", "content_filter"))).error_type == "guardrail"


def test_an_endpoint_that_does_not_stream_is_understood() -> None:
    whole = {"choices": [{"message": {"content": "Once"}, "finish_reason": "stop"}]}
    body = json.dumps(whole, indent=1).encode()
    found = answered(body[:20], body[20:])
    assert (found.text, found.time_to_first_token_seconds) == ("Once", None)
    assert refused(b'{"error": {"message": "x", "code": 429}}').error_type == "rate_limit"
    assert refused(b'{"choices": [').error_type == "connection"
    assert refused(b"<html>Sign in</html>").error_type == "server"
    assert refused().error_type == "server"
