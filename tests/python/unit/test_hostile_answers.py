"""Whatever an LLM answers, whole or streamed: it is read, or its error is ours."""

import json
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audited_calls import nothing_is_run
from hostile_values import JSON, TEXTS, VALUES, counted, fuzzed, mostly, nearly
from mesh_prompt_batch.answer import completion_from
from mesh_prompt_batch.capability_probes import ALIVE, MAX_TOKENS, OTHERS, ProbeAnswer
from mesh_prompt_batch.completion import Completion, CompletionRequest, Failure, Outcome
from mesh_prompt_batch.errors import CallError, TransientError
from mesh_prompt_batch.event_stream import EventReader
from mesh_prompt_batch.found_json import InvalidAnswerError, containers_in
from mesh_prompt_batch.outcome_record import outcome_of, record_of
from mesh_prompt_batch.refusals import Refusal, call_error
from mesh_prompt_batch.retry import retry_after
from mesh_prompt_batch.streaming import StreamedAnswer

REQUEST = CompletionRequest("llm", ({"role": "user", "content": "why?"},), {"top_p": 0.5})
USAGE = {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6}
CALL = {"index": 0, "id": "c1", "type": "function", "function": {"name": "find", "arguments": "{"}}
BODY: dict[str, Any] = {
    "id": "1",
    "object": "chat.completion",
    "model": "m",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": "yes", "tool_calls": [CALL]},
        }
    ],
    "usage": USAGE,
}
CHUNKS: list[dict[str, Any]] = [
    {"id": "1", "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]},
    {"id": "1", "choices": [{"index": 0, "delta": {"reasoning_content": "Hm."}}]},
    {"id": "1", "choices": [{"index": 0, "delta": {"content": "ye"}, "finish_reason": None}]},
    {"id": "1", "choices": [{"index": 0, "delta": {"content": "s", "tool_calls": [CALL]}}]},
    {"id": "1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": USAGE},
]
ERRORS: list[dict[str, Any]] = [
    {"error": {"message": "top_p is not supported", "type": "invalid_request_error", "code": 400}},
    {"errorType": "java.lang.IllegalArgumentException", "message": "why?", "detailedMessage": "a"},
]


def recorded(outcome: Outcome) -> Outcome:
    """What the run store gives back is what it was given."""
    record = record_of(outcome)
    assert record_of(outcome_of(record)) == record
    return outcome


def answered(body: object) -> Outcome:
    with nothing_is_run():
        try:
            return recorded(completion_from(body, "llm", 0.5))
        except CallError as error:
            return recorded(Failure.of(error, 1, error.usage))


def streamed(blocks: list[bytes]) -> Outcome:
    with nothing_is_run():
        try:
            answer = StreamedAnswer(REQUEST)
            texts = [text for block in blocks for text in answer.add(block)]
            completion = answer.completion()
        except CallError as error:
            return recorded(Failure.of(error, 1, error.usage))
        assert all(isinstance(it, str) for it in texts)
        return recorded(completion)


@fuzzed
@given(st.lists(JSON | st.sampled_from(["```json\n", "```", "<think>", "</think>\n"]), max_size=4))
def test_json_is_found_in_an_answer_or_the_answer_is_invalid(pieces: list[str]) -> None:
    with suppress(InvalidAnswerError), nothing_is_run():
        assert all(isinstance(it, (dict, list)) for it in containers_in("".join(pieces)))


@fuzzed
@given(nearly(BODY) | VALUES)
def test_a_body_is_an_answer_or_an_error_and_its_record_can_be_read(body: object) -> None:
    answered(body)
    with nothing_is_run():
        found = ProbeAnswer.of(body)
        assert all(it.judged(found) for it in (ALIVE, MAX_TOKENS, *OTHERS))


EVENTS = st.sampled_from([b"data: {}\n\n", b"data: [DONE]\n\n", b"\r", b"event: error\n", b":\n\n"])


@st.composite
def streams(draw: Any) -> list[bytes]:
    """The bytes of an answer in which something is wrong, in blocks that end anywhere."""
    chunks = draw(nearly(CHUNKS) | st.just(CHUNKS))
    events = [f"data: {json.dumps(it)}\n\n".encode() for it in chunks]
    at = draw(st.integers(0, len(events)))
    events[at:at] = draw(st.lists(EVENTS | st.binary(max_size=30), max_size=2))
    whole, size = b"".join(events), draw(st.integers(1, 300))
    return [whole[start : start + size] for start in range(0, len(whole), size)]


@fuzzed
@given(streams() | st.lists(st.binary(max_size=30) | EVENTS))
def test_a_stream_is_an_answer_or_an_error_and_its_record_can_be_read(blocks: list[bytes]) -> None:
    streamed(blocks)


@fuzzed
@given(st.integers(300, 599), st.sampled_from(ERRORS).flatmap(nearly) | VALUES)
def test_a_refusal_is_an_error_that_says_what_happens_next(status: int, body: object) -> None:
    with nothing_is_run():
        error = call_error(Refusal(status, body), REQUEST)
    assert isinstance(error.provider_words, str)
    recorded(Failure.of(error, 1))


NUMBERS_OF_DATES = mostly(st.integers(1, 23), st.integers(0, 10**25))
DATES = st.builds(
    "{}, {} {} {} {}:{}:{} {}".format,
    st.sampled_from(["Mon", "Tue", "\ud800"]),
    NUMBERS_OF_DATES,
    st.sampled_from(["Jan", "Feb", "Foo"]),
    mostly(st.integers(1900, 2100), st.integers(0, 10**25)),
    *[NUMBERS_OF_DATES] * 3,
    st.sampled_from(["GMT", "+0100", "-9999", "+99999999999999999999", "EST", ""]),
)


@fuzzed
@given(st.sampled_from(["retry-after", "retry-after-ms"]), DATES | TEXTS)
def test_a_pause_is_seconds_or_none_was_asked_for(name: str, told: str) -> None:
    found = retry_after({name: told})
    assert found is None or found >= 0


def test_what_is_drawn_of_answers_gets_past_the_first_check() -> None:
    fates = Counter[tuple[str, bool]]()

    @counted
    @given(nearly(BODY), streams(), DATES)
    def drawn(body: object, blocks: list[bytes], date: str) -> None:
        fates["whole", isinstance(answered(body), Completion)] += 1
        fates["streamed", isinstance(streamed(blocks), Completion)] += 1
        fates["date", retry_after({"retry-after": date}) is not None] += 1

    drawn()
    assert len(fates) == 6
    assert min(fates.values()) > 5, fates


def test_a_stream_without_line_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mesh_prompt_batch.event_stream.LONGEST_EVENT", 1_000_000)
    line = b"data: " + b"x" * 9_000
    reader = EventReader()
    assert [*reader.feed(line * 100)] == []
    with pytest.raises(TransientError):
        list(reader.feed(line * 100))
    again = EventReader()
    assert all(len([*again.feed(line + b"\n\n")]) == 1 for _ in range(200))
