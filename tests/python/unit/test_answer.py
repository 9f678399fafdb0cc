"""A response's JSON: a completion, or the reason why it is none."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostile_values import nearly
from mesh_prompt_batch.answer import completion_from
from mesh_prompt_batch.completion import Completion
from mesh_prompt_batch.errors import CallError, RequestError, TransientError
from mesh_prompt_batch.usage import Usage

USAGE = {"prompt_tokens": 4, "completion_tokens": 2}


def body(content: object, finish_reason: object = "stop") -> dict[str, Any]:
    choice = {"finish_reason": finish_reason, "message": {"content": content}}
    return {"choices": [choice], "usage": USAGE}


def test_a_completion_carries_what_was_said_and_used() -> None:
    received = body("hello")
    assert completion_from(received, "llm", 1.5) == Completion(
        "hello", "stop", Usage(4, 2), "llm", 1.5, raw=received
    )
    assert completion_from(body("hi", finish_reason=7), "llm", 0).finish_reason is None
    assert completion_from(body("cut", "length"), "llm", 0).finish_reason == "length"


@pytest.mark.parametrize(
    ("received", "error_type"),
    [
        (body(None), "empty"),
        (body(""), "empty"),
        (body([1]), "empty"),
        (body(None, "length"), "truncated"),
        (body("some", "content_filter"), "guardrail"),
        ({"choices": []}, "empty"),
        ({"choices": [None]}, "empty"),
        ({"choices": [{"message": None}]}, "empty"),
    ],
)
def test_what_holds_no_answer_fails_its_row_with_the_tokens_it_cost(
    received: dict[str, Any], error_type: str
) -> None:
    with pytest.raises(RequestError) as caught:
        completion_from(received, "llm", 0)
    assert caught.value.error_type == error_type
    assert caught.value.usage.reported == ("usage" in received)


@pytest.mark.parametrize("received", [None, "page", [], {}, {"choices": "none"}])
def test_what_is_no_completion_at_all_is_worth_another_attempt(received: object) -> None:
    with pytest.raises(TransientError) as caught:
        completion_from(received, "llm", 0)
    assert caught.value.error_type == "server"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "message", "content", "finish_reason", "usage"]), inner
        )
    ),
    max_leaves=12,
)


@given(JSON | nearly(body("yes")))
def test_no_json_does_anything_else(received: object) -> None:
    try:
        completion = completion_from(received, "llm", 0)
    except CallError:
        return
    assert completion.text


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning"])
@pytest.mark.parametrize(("reason", "error_type"), [("stop", "empty"), ("length", "truncated")])
def test_what_an_llm_thought_is_no_answer_and_the_row_says_so(
    key: str, reason: str, error_type: str
) -> None:
    received = body(None, reason)
    received["choices"][0]["message"][key] = "Hm, let me see."
    with pytest.raises(RequestError, match=error_type) as caught:
        completion_from(received, "llm", 0)
    assert "reason" in caught.value.provider_words
    assert ("'Max tokens'" in caught.value.provider_words) == (reason == "length")
    received["choices"][0]["message"]["content"] = "Seven."
    assert completion_from(received, "llm", 0).text == "Seven."
