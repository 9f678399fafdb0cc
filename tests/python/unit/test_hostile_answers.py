"""Whatever an LLM answers, whole or streamed: it is read, or its error is ours."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostile_values import JSON, fuzzed, keyed
from mesh_prompt_batch.chunk_assembly import ChunkAssembly
from mesh_prompt_batch.errors import TransientError
from mesh_prompt_batch.event_stream import EventReader
from mesh_prompt_batch.found_json import InvalidAnswerError, containers_in


@fuzzed
@given(st.lists(JSON | st.sampled_from(["```json\n", "```", "<think>", "</think>\n"]), max_size=4))
def test_json_is_found_in_an_answer_or_the_answer_is_invalid(pieces: list[str]) -> None:
    with suppress(InvalidAnswerError):
        assert all(isinstance(it, (dict, list)) for it in containers_in("".join(pieces)))


@fuzzed
@given(st.lists(st.binary(max_size=30) | st.sampled_from([b"data: {}\n\n", b"\r", b"event:"])))
def test_a_stream_is_events_and_their_chunks_an_answer(pieces: list[bytes]) -> None:
    reader = EventReader()
    assert all(isinstance(data, bytes) for it in pieces for _, data in reader.feed(it))


@fuzzed
@given(
    st.lists(
        keyed(["id", "choices", "usage"])
        | st.builds(
            lambda delta: {"choices": [{"index": 10**9, "delta": delta}]},
            keyed(["content", "role", "tool_calls", "reasoning_content"]),
        ),
        max_size=4,
    )
)
def test_chunks_are_put_together_whatever_they_hold(chunks: list[dict[str, object]]) -> None:
    assembly = ChunkAssembly()
    for chunk in chunks:
        assembly.add(chunk)
    assembly.body()


def test_a_stream_without_line_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mesh_prompt_batch.event_stream.LONGEST_EVENT", 1_000_000)
    line = b"data: " + b"x" * 9_000
    reader = EventReader()
    assert [*reader.feed(line * 100)] == []
    with pytest.raises(TransientError):
        list(reader.feed(line * 100))
    again = EventReader()
    assert all(len([*again.feed(line + b"\n\n")]) == 1 for _ in range(200))
