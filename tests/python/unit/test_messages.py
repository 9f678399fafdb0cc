"""From a row to its request."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_prompt_batch.errors import RequestError
from mesh_prompt_batch.messages import request_builder
from mesh_prompt_batch.settings import Settings

CONFIG = {"llm_id": "llm", "user_column": "question", "system_column": "role"}


def settings(**changes: object) -> Settings:
    return Settings.from_config({**CONFIG, **changes}, {})


def test_a_system_message_goes_before_the_user_s_and_a_blank_one_is_left_out() -> None:
    build = request_builder(settings(), ["id", "question", "role"])
    assert build(["1", " why? ", "be brief"]).messages == (
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": " why? "},
    )
    assert build(["1", "why?", " \n"]).messages == ({"role": "user", "content": "why?"},)
    alone = request_builder(settings(system_column=""), ["question"])
    body = alone(["why?"]).body()
    assert body["model"] == "llm"
    assert body["temperature"] == 0.0


@pytest.mark.parametrize("question", ["", "  ", "\n\t", "half \ud83d a pair"])
def test_a_row_that_asks_nothing_or_cannot_be_sent_is_invalid(question: str) -> None:
    build = request_builder(settings(), ["question", "role"])
    with pytest.raises(RequestError) as caught:
        build([question, "be brief"])
    assert (caught.value.error_type, caught.value.calls) == ("invalid_row", 0)
    assert caught.value.provider_words.endswith(".")


TEMPLATES = {"messages_mode": "template", "user_column": None}


def test_templates_are_filled_with_each_row_s_cells() -> None:
    build = request_builder(
        settings(
            **TEMPLATES,
            system_template="You know {{product}}s.",
            user_template="Is this good?\n{{ review }}",
        ),
        ["product", "id", "review"],
    )
    assert build(["kettle", "1", "{{product}} ${x}"]).messages == (
        {"role": "system", "content": "You know kettles."},
        {"role": "user", "content": "Is this good?\n{{product}} ${x}"},
    )
    assert build(["", "1", ""]).messages[1]["content"] == "Is this good?\n"


def test_a_template_that_comes_out_blank_is_left_out_or_costs_its_row() -> None:
    build = request_builder(
        settings(**TEMPLATES, system_template=" {{role}}\n", user_template="{{a}} {{b}}"),
        ["role", "a", "b"],
    )
    assert build([" ", "", "x"]).messages == ({"role": "user", "content": " x"},)
    with pytest.raises(RequestError) as caught:
        build(["brief", " ", ""])
    assert (caught.value.error_type, caught.value.calls) == ("invalid_row", 0)
    assert caught.value.provider_words == (
        "The user message is blank, as each of 'a', 'b' is blank."
    )


@pytest.mark.parametrize("mode", ["columns", "template"])
def test_examples_go_between_the_system_message_and_the_row_s_own(mode: str) -> None:
    examples = [
        {"user": "1 {{question}}", "assistant": "one"},
        {},
        {"user": "2", "assistant": "two"},
    ]
    build = request_builder(
        settings(
            messages_mode=mode,
            system_template="{{role}}",
            user_template="{{question}}",
            examples=examples,
        ),
        ["question", "role"],
    )
    said = [(it["role"], it["content"]) for it in build(["3", "count"]).messages]
    assert said == [
        ("system", "count"),
        ("user", "1 {{question}}"),
        ("assistant", "one"),
        ("user", "2"),
        ("assistant", "two"),
        ("user", "3"),
    ]


def test_a_conversation_is_the_row_s_messages_without_examples() -> None:
    build = request_builder(
        settings(
            messages_mode="conversation",
            conversation_column="chat",
            examples=[{"user": "a", "assistant": "b"}],
        ),
        ["question", "chat"],
    )
    assert build(["no", '[{"role": "user", "content": "why?"}]']).messages == (
        {"role": "user", "content": "why?"},
    )
    with pytest.raises(RequestError) as caught:
        build(["no", "why?"])
    assert (caught.value.error_type, caught.value.calls) == ("invalid_row", 0)


MODES = [
    {"user_column": "a", "system_column": "b"},
    {**TEMPLATES, "system_template": "{{b}}", "user_template": "{{a}}{{b}} "},
    {"messages_mode": "conversation", "conversation_column": "a"},
]
CELLS = st.text(st.characters() | st.sampled_from("{}[] \n\ud83d"), max_size=9)


@pytest.mark.parametrize("mode", MODES)
@given(st.tuples(CELLS, CELLS))
def test_any_row_makes_a_request_that_can_be_sent_or_is_invalid(
    mode: dict[str, object], row: tuple[str, str]
) -> None:
    build = request_builder(settings(**{"system_column": None, **mode}), ["a", "b"])
    kind = "invalid_row"
    try:
        request = build(row)
    except RequestError as error:
        kind = error.error_type
    else:
        json.dumps(request.body(), ensure_ascii=False).encode()
        assert str(request.messages[-1]["content"]).strip()
    assert kind == "invalid_row"


def test_an_llm_id_that_cannot_be_sent_makes_its_row_invalid() -> None:
    build = request_builder(settings(llm_id_column="llm"), ["question", "role", "llm"])
    with pytest.raises(RequestError, match="invalid_row"):
        build(["why?", "be brief", "half \ud83d a pair"])
