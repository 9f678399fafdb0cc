"""The chunks of a stream, put together: as if it had not been one."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mesh_prompt_batch.chunk_assembly import ChunkAssembly

PIECES = st.lists(st.text(min_size=1, max_size=5), max_size=6)
USAGE = {"prompt_tokens": 5, "completion_tokens": 2}


def chunk(reason: str | None = None, **delta: object) -> dict[str, object]:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"id": "c1", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}


def put_together(*chunks: dict[str, object]) -> dict[str, Any]:
    assembly = ChunkAssembly()
    for it in chunks:
        assembly.add(it)
    return assembly.body()


def message(*chunks: dict[str, object]) -> dict[str, Any]:
    found: dict[str, Any] = put_together(*chunks)["choices"][0]["message"]
    return found


@given(PIECES, PIECES)
def test_pieces_become_the_body_of_the_same_call_without_streaming(
    texts: list[str], thoughts: list[str]
) -> None:
    chunks = [chunk(role="assistant", content="")]
    chunks += [chunk(reasoning_content=it) for it in thoughts]
    chunks += [chunk(content=it) for it in texts]
    chunks += [chunk("stop"), {**chunk(), "choices": [], "usage": USAGE}]
    expected = {"role": "assistant", "content": "".join(texts) if texts else None}
    if thoughts:
        expected["reasoning_content"] = "".join(thoughts)
    assert put_together(*chunks) == {
        "id": "c1",
        "object": "chat.completion",
        "model": "m",
        "choices": [{"index": 0, "message": expected, "finish_reason": "stop"}],
        "usage": USAGE,
    }


def test_a_chunk_tells_what_it_brings() -> None:
    assembly = ChunkAssembly()
    nothing: list[dict[str, object]] = [
        chunk(role="assistant", content=""),
        chunk(content=None),
        {"choices": []},
        {"choices": ["noise"]},
        {"choices": [{"delta": "noise"}]},
        {},
    ]
    assert [assembly.add(it) for it in nothing] == [None] * len(nothing)
    assert assembly.add(chunk(content="word")) == "word"
    assert assembly.add(chunk(reasoning_content="hm")) == ""
    assert assembly.add(chunk(content="a", reasoning_content="b")) == "a"
    assert assembly.add(chunk(tool_calls=[{"index": 0, "id": "t"}])) == ""


def test_the_last_usage_and_the_last_finish_reason_count() -> None:
    early = {**chunk(content="a"), "usage": {"prompt_tokens": 5, "completion_tokens": 0}}
    body = put_together(early, chunk("stop"), {"choices": [], "usage": USAGE}, {"usage": None})
    assert body["usage"] == USAGE
    assert body["choices"][0]["finish_reason"] == "stop"
    assert "usage" not in put_together(chunk("stop", content="a"))


def test_a_first_chunk_without_a_choice_is_not_the_head() -> None:
    filters: dict[str, object] = {"id": "", "model": "", "choices": [], "prompt_filter_results": []}
    assert put_together(filters, chunk("stop", content="a"))["id"] == "c1"


def test_tool_calls_keep_their_order_whatever_their_numbers_are() -> None:
    found = message(
        chunk(tool_calls=[part(7, "t7", "second", '{"a"'), "noise"]),
        chunk(tool_calls=[part(3, "t3", "first", "")]),
        chunk(tool_calls=[part(7, None, None, ": 1}"), part(3, None, "first", "{}")]),
        chunk("tool_calls"),
    )
    assert found["content"] is None
    assert found["tool_calls"] == [
        {"id": "t3", "type": "function", "function": {"name": "first", "arguments": "{}"}},
        {"id": "t7", "type": "function", "function": {"name": "second", "arguments": '{"a": 1}'}},
    ]


def test_tool_calls_without_numbers_begin_with_their_id() -> None:
    found = message(
        chunk(tool_calls=[part(None, "t1", "one", "{")]),
        chunk(tool_calls=[part(None, None, None, "}"), {"function": "noise"}]),
        chunk(tool_calls=[part(None, "t2", "two", "[]")]),
    )
    named = [(it["id"], it["function"]["arguments"]) for it in found["tool_calls"]]
    assert named == [("t1", "{}"), ("t2", "[]")]


def part(
    index: int | None, call_id: str | None, name: str | None, arguments: str
) -> dict[str, object]:
    numbered = {} if index is None else {"index": index}
    kind = "function" if call_id else None
    function = {"name": name, "arguments": arguments}
    return {**numbered, "id": call_id, "type": kind, "function": function}


def test_what_is_no_text_is_kept_as_it_came_last() -> None:
    found = message(chunk(annotations=[1]), chunk(annotations=[2]), chunk(refusal="no"))
    assert (found["annotations"], found["refusal"]) == ([2], "no")


def test_halves_of_a_character_that_come_in_two_pieces_are_one_again() -> None:
    assert message(chunk(content="a\ud83d"), chunk(content="\ude00b"))["content"] == "a\U0001f600b"
    assert message(chunk(content="a\ud83d"), chunk(content="b"))["content"] == "a\ud83db"
