"""A recipe as the project's API describes it."""

from typing import Any

import pytest

from mesh_prompt_batch.errors import SettingsError
from mesh_prompt_batch.flow_recipe import (
    LABELS,
    RECIPE_TYPE,
    FlowRecipe,
    chosen_recipe,
    flow_recipe,
)
from mesh_prompt_batch.form import Form


def definition(**changes: object) -> dict[str, Any]:
    return {
        "type": RECIPE_TYPE,
        "params": {"customConfig": {"llm_id": "a"}},
        "inputs": {"messages": {"items": [{"ref": "prompts", "deps": []}]}},
        **changes,
    }


def test_settings_input_and_images_are_found() -> None:
    assert flow_recipe("ask", definition()) == FlowRecipe("ask", {"llm_id": "a"}, "prompts")
    inputs = {
        "messages": {"items": [{"ref": "OTHER.prompts"}]},
        "images": {"items": [{"ref": "aBc"}]},
    }
    found = flow_recipe("ask", definition(inputs=inputs))
    assert (found.messages, found.images) == ("OTHER.prompts", "aBc")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"type": "vstack"}, "it is no prompt batch recipe"),
        ({"params": {"config": {}}}, "does not show the settings of the recipe ask"),
        ({"params": None}, "does not show the settings of the recipe ask"),
        ({"inputs": {"messages": {"items": []}}}, "the recipe ask has no input dataset"),
        ({"inputs": {"messages": {"items": [{}]}}}, "the recipe ask has no input dataset"),
        ({"inputs": None}, "the recipe ask has no input dataset"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence(
    changes: dict[str, object], words: str
) -> None:
    with pytest.raises(SettingsError, match=f"^'Recipe': .*{words}"):
        flow_recipe("ask", definition(**changes))


@pytest.mark.parametrize(
    "config", [{"recipe": "ask"}, {"recipe_name": " ask "}, {"recipe": "ask", "recipe_name": "ask"}]
)
def test_a_recipe_is_chosen_or_typed(config: dict[str, object]) -> None:
    assert chosen_recipe(Form(config, LABELS)) == "ask"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "'Recipe' is missing: choose one, or fill in 'Recipe name'"),
        ({"recipe": "a", "recipe_name": "b"}, "'Recipe name' is another recipe than 'Recipe'"),
        ({"recipe_name": "../projects"}, "'Recipe name' is no name that a recipe can have"),
    ],
)
def test_no_recipe_or_two_are_refused(config: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        chosen_recipe(Form(config, LABELS))
