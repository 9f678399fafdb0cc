"""A cell with a conversation."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_prompt_batch.completion import CompletionRequest
from mesh_prompt_batch.conversation import ROLES, conversation
from mesh_prompt_batch.errors import RequestError
from mesh_prompt_batch.fingerprint import fingerprint

USER = {"role": "user", "content": "why?"}
CALLS = [{"id": "c1", "type": "function", "function": {"name": "find", "arguments": "{}"}}]
WHOLE: list[dict[str, Any]] = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image_url", "x": 1}]},
    {"role": "assistant", "content": None, "tool_calls": CALLS, "refusal": None},
    {"role": "assistant", "tool_calls": CALLS},
    {"role": "tool", "tool_call_id": "c1", "content": ""},
    {"role": "assistant", "content": ""},
    {"role": "user", "name": "Ann", "content": "why?"},
]


def refusal(cell: str) -> str:
    with pytest.raises(RequestError) as caught:
        conversation(cell)
    assert (caught.value.error_type, caught.value.calls) == ("invalid_row", 0)
    assert str(caught.value) == "invalid_row"
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value.provider_words


def test_messages_go_through_as_they_are() -> None:
    assert conversation(f" {json.dumps(WHOLE)}\n") == tuple(WHOLE)


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("", "The conversation is blank."),
        (" \n", "The conversation is blank."),
        ("why?", "The conversation is no JSON: Expecting value in line 1, column 1."),
        ("[{'role': 1}]", "is no JSON: Expecting property name"),
        ('[\n{"role"', "in line 2, column 8."),
        ("[" * 100_000, "The conversation is no JSON that can be read."),
        ('{"messages": []}', "The conversation is no JSON array of messages."),
        ("null", "The conversation is no JSON array of messages."),
        ("[]", "The conversation has no user message."),
        ('[{"role": "system", "content": "a"}]', "The conversation has no user message."),
    ],
)
def test_a_cell_that_is_no_conversation_is_told(cell: str, words: str) -> None:
    assert words in refusal(cell)


LONE, HUGE = "\ud83d", float("inf")
DEEP: Any = "x"
for _ in range(64):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("text", "is no object with role and content"),
        (None, "is no object with role and content"),
        ({"content": "a"}, "has none of the roles system, user, assistant, tool"),
        ({"role": "developer", "content": "a"}, "has none of the roles"),
        ({"role": ["user"], "content": "a"}, "has none of the roles"),
        ({"role": "user"}, "has a content that is neither text nor an array of parts"),
        ({"role": "assistant", "content": None}, "neither text nor an array"),
        ({"role": "assistant", "content": None, "tool_calls": []}, "neither text nor an array"),
        ({"role": "user", "content": {"text": "a"}}, "neither text nor an array"),
        ({"role": "user", "content": " \n"}, "is blank"),
        ({"role": "user", "content": []}, "is blank"),
        ({"role": "user", "content": [{"type": "text", "text": " "}]}, "is blank"),
        ({"role": "user", "content": ["a"]}, "no object with a type, part 1 counted from 1"),
        ({"role": "user", "content": [{"text": "a"}]}, "no object with a type, part 1"),
        (
            {"role": "user", "content": [{"type": "x"}, {"type": "text"}]},
            "has a text part without text, part 2 counted from 1",
        ),
        ({"role": "user", "content": [{"type": "text", "text": 5}]}, "a text part without text"),
        ({**USER, "tool_calls": "find"}, "has tool_calls that are no array of objects"),
        ({**USER, "tool_calls": ["find"]}, "has tool_calls that are no array of objects"),
        ({"role": "tool", "content": "a"}, "has no tool_call_id"),
        ({"role": "user", "content": f"half {LONE}"}, "half of a character pair"),
        ({**USER, "name": LONE}, "half of a character pair"),
        ({**USER, LONE: ""}, "half of a character pair"),
        ({**USER, "x": HUGE}, "holds a number that is none in JSON"),
        ({**USER, "x": DEEP}, "is nested deeper than 64 levels"),
    ],
)
def test_a_malformed_message_is_told_by_its_position(message: object, words: str) -> None:
    told = refusal(json.dumps([USER, message, USER]))
    assert told.startswith("Message 2 of the 3 in the conversation, counted from 1, ")
    assert words in told


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(ROLES),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["role", "content", "type", "text", "tool_calls", "tool_call_id"])
            | st.text(max_size=2),
            inner,
        )
    ),
)
MESSAGES = st.fixed_dictionaries(
    {"role": st.sampled_from(ROLES)},
    optional={
        "content": st.text() | VALUES | st.lists(st.fixed_dictionaries({"type": st.text()})),
        "tool_calls": VALUES,
        "tool_call_id": st.text(),
    },
)


@given(st.text() | VALUES.map(json.dumps) | st.lists(MESSAGES, max_size=4).map(json.dumps))
def test_any_cell_is_a_conversation_that_can_be_sent_or_an_invalid_row(cell: str) -> None:
    try:
        messages = conversation(cell)
    except RequestError as error:
        kind = error.error_type
    else:
        kind = "invalid_row"
        request = CompletionRequest("llm", messages, {})
        fingerprint(request)
        json.dumps(request.body(), ensure_ascii=False, allow_nan=False).encode()
        assert [*messages] == json.loads(cell)
        assert all(isinstance(text, str) for text in request.texts())
    assert kind == "invalid_row"


SENDABLE = st.lists(
    st.builds(
        lambda role, content: {"role": role, "content": content},
        st.sampled_from(["system", "user", "assistant"]),
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip),
    ),
    max_size=5,
).map(lambda messages: [*messages, USER])


@given(SENDABLE)
def test_any_messages_come_back_from_a_cell(messages: list[dict[str, str]]) -> None:
    assert conversation(json.dumps(messages)) == tuple(messages)
    assert conversation(json.dumps(messages, ensure_ascii=False, indent=1)) == tuple(messages)
