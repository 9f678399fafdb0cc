"""A row's own LLM and parameters."""

import pytest

from mesh_prompt_batch.errors import RequestError
from mesh_prompt_batch.messages import request_builder
from mesh_prompt_batch.settings import Settings

COLUMNS = ["question", "which", "heat", "room"]
CONFIG = {
    "llm_id": "llm",
    "user_column": "question",
    "llm_id_column": "which",
    "temperature_column": "heat",
    "max_tokens_column": "room",
    "top_p": 0.5,
}


def test_a_row_s_own_values_hold_for_it_and_blank_cells_leave_the_recipe_s() -> None:
    build = request_builder(Settings.from_config(CONFIG, {}), COLUMNS)
    own = build(["why?", " other:llm ", "1.5", "20.0"])
    assert own.llm_id == "other:llm"
    assert own.parameters == {"temperature": 1.5, "max_tokens": 20, "top_p": 0.5}
    assert type(own.parameters["max_tokens"]) is int
    blank = build(["why?", " ", "", ""])
    assert (blank.llm_id, blank.parameters["temperature"]) == ("llm", 0.0)


@pytest.mark.parametrize(
    ("heat", "room", "words"),
    [
        ("hot", "", "'heat' must be a number, not 'hot'."),
        ("2.5", "", "'heat' must be between 0 and 2, not '2.5'."),
        ("", "1.5", "'room' must be a whole number, not 1.5."),
        ("", "0", "'room' must be 1 or more, not '0'."),
    ],
)
def test_a_value_that_cannot_be_sent_costs_its_row(heat: str, room: str, words: str) -> None:
    build = request_builder(Settings.from_config(CONFIG, {}), COLUMNS)
    with pytest.raises(RequestError) as caught:
        build(["why?", "", heat, room])
    assert (caught.value.error_type, caught.value.provider_words) == ("invalid_row", words)


def test_the_columns_are_read_and_must_be_there() -> None:
    settings = Settings.from_config(CONFIG, {})
    assert settings.read_columns() == {"question", "which", "heat", "room"}
    assert settings.llm.llm_ids is None
    assert Settings.from_config({**CONFIG, "llm_id_column": ""}, {}).llm.llm_ids == ("llm",)
