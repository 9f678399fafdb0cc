"""From a row to its request."""

import pytest

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
    assert caught.value.error_type == "invalid_row"
    assert caught.value.provider_words.endswith(".")
