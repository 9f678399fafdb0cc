"""A prompt batch recipe as the project's API describes it: its settings, its input, its folder with images."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mesh_prompt_batch.errors import SettingsError
from mesh_prompt_batch.form import Form

RECIPE_TYPE = "CustomCode_mesh-prompt-batch"
LABELS = {"recipe": "Recipe", "recipe_name": "Recipe name"}
_NAME = re.compile(r"[\w .-]+")


@dataclass(frozen=True, slots=True)
class FlowRecipe:
    """`messages` and `images` are references as the flow has them; no `images`: "". `config` is the recipe's form."""

    name: str
    config: Mapping[str, object]
    messages: str
    images: str = ""


def chosen_recipe(form: Form) -> str:
    """The recipe's name, which a scenario types and a person chooses.

    Raises SettingsError where there is none, or two.
    """
    chosen, typed = form.text("recipe").strip(), form.text("recipe_name").strip()
    if chosen and typed and chosen != typed:
        raise form.refused("recipe_name", f"is another recipe than '{LABELS['recipe']}': clear one")
    name = typed or chosen
    if not name:
        raise form.refused(
            "recipe", f"is missing: choose one, or fill in '{LABELS['recipe_name']}'"
        )
    if not _NAME.fullmatch(name):
        raise form.refused(
            "recipe_name" if typed else "recipe", "is no name that a recipe can have"
        )
    return name


def no_such_recipe(name: str, why: str) -> SettingsError:
    return SettingsError(
        f"'{LABELS['recipe']}': the recipe {name} cannot be read in this project ({why}): choose one of its prompt"
        " batch recipes."
    )


def flow_recipe(name: str, definition: Mapping[str, object]) -> FlowRecipe:
    """Raises SettingsError where it is another kind of recipe, or not described as Dataiku has done so far."""
    if definition.get("type") != RECIPE_TYPE:
        raise no_such_recipe(name, "it is no prompt batch recipe")
    params = definition.get("params")
    config = params.get("customConfig") if isinstance(params, Mapping) else None
    if not isinstance(config, Mapping):
        raise SettingsError(
            f"'{LABELS['recipe']}': this version of Dataiku does not show the settings of the recipe {name} where"
            " earlier ones did: save the recipe once, and if that does not help, run it with 'Only the first rows'."
        )
    messages = _reference(definition, "messages")
    if not messages:
        raise SettingsError(f"'{LABELS['recipe']}': the recipe {name} has no input dataset.")
    return FlowRecipe(name, config, messages, _reference(definition, "images"))


def _reference(definition: Mapping[str, object], role: str) -> str:
    """Of the first input in that role; "" where there is none."""
    found: object = definition.get("inputs")
    for key in (role, "items"):
        found = found.get(key) if isinstance(found, Mapping) else None
    for item in found if isinstance(found, list) else ():
        if isinstance(item, Mapping) and item.get("ref"):
            return str(item["ref"])
    return ""
