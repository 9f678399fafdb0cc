"""What DSS reads of forms and recipe (JSON) and what the code reads (Python) say the same."""

import json
import re
from collections.abc import Mapping

import pytest

from descriptors import FORECAST, LISTING, PLUGIN, RECIPE, TRIAL, parameters
from documents import ROOT
from mesh_prompt_batch import forecast_settings, listing_settings, plugin_settings, settings, trial
from mesh_prompt_batch.errors import SettingsError
from mesh_prompt_batch.message_settings import WrittenMessages
from mesh_prompt_batch.settings import Settings

ANY = Mapping[str, object]
FORMS = [
    pytest.param(PLUGIN, plugin_settings.LABELS, id="plugin"),
    pytest.param(RECIPE, settings.LABELS, id="recipe"),
    pytest.param(LISTING, listing_settings.LABELS, id="macro"),
    pytest.param(TRIAL, trial.LABELS, id="trial"),
    pytest.param(FORECAST, forecast_settings.LABELS, id="forecast"),
]
DISPLAY_ONLY = {"show_advanced"}
# What the recipe needs in every mode.
NEEDED: ANY = {
    "llm_id": "a",
    "user_column": "b",
    "user_template": "c",
    "conversation_column": "d",
    "json_schema": '{"type": "object"}',
}
TYPES: dict[str, tuple[type, ...]] = {
    "STRING": (str,),
    "TEXTAREA": (str,),
    "SELECT": (str,),
    "LLM": (str,),
    "BOOLEAN": (bool,),
    "INT": (int,),
    "DOUBLE": (int, float),
    "MULTISELECT": (list,),
}


@pytest.mark.parametrize(("descriptor", "labels"), FORMS)
def test_every_field_is_read_under_the_label_that_users_see(
    descriptor: ANY, labels: dict[str, str]
) -> None:
    shown = {str(it["name"]): it["label"] for it in parameters(descriptor)}
    assert {name: it for name, it in shown.items() if name not in DISPLAY_ONLY} == labels


@pytest.mark.parametrize(("descriptor", "_labels"), FORMS)
def test_every_field_has_a_description_and_a_default_of_its_type(
    descriptor: ANY, _labels: dict[str, str]
) -> None:
    for field in parameters(descriptor):
        assert len(str(field["description"])) > 10, field["name"]
        if "defaultValue" in field:
            assert isinstance(field["defaultValue"], TYPES[str(field["type"])]), field["name"]


def test_the_form_s_defaults_are_those_of_absent_fields() -> None:
    defaults = {
        str(it["name"]): it["defaultValue"] for it in parameters(RECIPE) if "defaultValue" in it
    }
    shown = Settings.from_config({**defaults, **NEEDED}, {})
    assert shown == Settings.from_config(NEEDED, {})


def test_the_form_s_limits_are_those_of_the_code() -> None:
    for field in parameters(RECIPE):
        for key, beyond in (("minI", -1), ("maxI", 1), ("minD", -0.0001), ("maxD", 0.0001)):
            if key in field:
                limit = field[key]
                assert isinstance(limit, (int, float))
                config = {**NEEDED, str(field["name"]): limit}
                Settings.from_config(config, {})
                config[str(field["name"])] = limit + beyond
                with pytest.raises(SettingsError, match=re.escape(str(field["label"]))):
                    Settings.from_config(config, {})


def test_the_form_s_choices_are_those_of_the_code() -> None:
    for field in parameters(RECIPE):
        choices = field.get("selectChoices", [])
        assert isinstance(choices, list)
        for choice in choices:
            config = {**NEEDED, str(field["name"]): choice["value"]}
            Settings.from_config(config, {})


def test_fields_are_shown_by_fields_that_exist() -> None:
    names = {it["name"] for it in parameters(RECIPE)}
    for param in RECIPE["params"]:
        for used in re.findall(r"model\.(\w+)", param.get("visibilityCondition", "")):
            assert used in names


MAIN_FIELDS = {
    "columns": ["system_column", "user_column"],
    "template": ["system_template", "user_template"],
    "conversation": ["conversation_column"],
}


@pytest.mark.parametrize("mode", MAIN_FIELDS)
def test_a_newcomer_sees_the_main_fields_alone(mode: str) -> None:
    form: ANY = {"messages_mode": mode, "show_advanced": False}
    assert [it["name"] for it in parameters(RECIPE) if visible(it, form)] == [
        "llm_id",
        "messages_mode",
        *MAIN_FIELDS[mode],
        "temperature",
        "max_tokens",
        "output_format",
        "show_advanced",
    ]


def test_a_recipe_from_before_there_were_modes_shows_its_columns() -> None:
    shown = [it["name"] for it in parameters(RECIPE) if visible(it, {})]
    assert shown[2:4] == MAIN_FIELDS["columns"]


def visible(field: ANY, form: ANY) -> bool:
    """Evaluates the conditions that our forms use: comparisons and flags, joined by `&&`."""
    conditions = str(field.get("visibilityCondition", "")).split(" && ")
    return all(holds(it, form) for it in conditions if it)


def holds(condition: str, form: ANY) -> bool:
    match = re.fullmatch(r"model\.(\w+)(?: (==|!=) '(\w+)')?", condition)
    assert match is not None, condition
    value = form.get(match[1])
    return bool(value) if match[2] is None else (value == match[3]) == (match[2] == "==")


def test_the_examples_fill_in_fields_of_the_form() -> None:
    paths = [*(ROOT / "examples").glob("*.json")]
    assert paths
    for path in paths:
        example = json.loads(path.read_text(encoding="utf-8"))
        assert example.keys() <= settings.LABELS.keys(), path.name
        Settings.from_config({"llm_id": "a", **example}, {})


def test_the_parts_of_an_example_are_those_that_the_code_reads() -> None:
    (examples,) = [it for it in parameters(RECIPE) if it["type"] == "OBJECT_LIST"]
    parts = examples["subParams"]
    assert isinstance(parts, list)
    pair = {str(it["name"]): "text" for it in parts}
    read = Settings.from_config({**NEEDED, "examples": [pair]}, {}).messages.source
    assert isinstance(read, WrittenMessages)
    assert [it["role"] for it in read.examples] == [*pair]
    assert all(len(str(it["description"])) > 10 and it["label"] for it in parts)


def test_roles_named_elsewhere_exist() -> None:
    roles = {role["name"] for role in RECIPE["inputRoles"]}
    assert RECIPE["selectableFromDataset"] in roles
    named = {it["columnRole"] for it in parameters(RECIPE) if "columnRole" in it}
    assert named
    assert named <= roles
