"""What DSS reads (JSON) and what the code reads (Python) say the same."""

import ast
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from scripts.build_plugin import shipped_files

from mesh_prompt_batch import (
    flow_recipe,
    forecast_settings,
    listing_settings,
    plugin_settings,
    settings,
    trial,
)
from mesh_prompt_batch.capability_probes import MOST_CALLS
from mesh_prompt_batch.errors import SettingsError
from mesh_prompt_batch.forecast_settings import ForecastSettings
from mesh_prompt_batch.llm_table import MOST_VARIABLE_BYTES
from mesh_prompt_batch.message_settings import WrittenMessages
from mesh_prompt_batch.output import COLUMNS
from mesh_prompt_batch.settings import Settings
from mesh_prompt_batch.trial import TrialSettings

ROOT = Path(__file__).resolve().parents[3]
PLUGIN = json.loads((ROOT / "plugin.json").read_text())
RECIPE = json.loads((ROOT / "custom-recipes/mesh-prompt-batch/recipe.json").read_text())
MACRO = json.loads((ROOT / "python-runnables/list-llms/runnable.json").read_text())
TRIAL = json.loads((ROOT / "python-runnables/try-rows/runnable.json").read_text())
FORECAST = json.loads((ROOT / "python-runnables/forecast/runnable.json").read_text())
ANY = Mapping[str, object]
FORMS = [
    pytest.param(PLUGIN, plugin_settings.LABELS, id="plugin"),
    pytest.param(RECIPE, settings.LABELS, id="recipe"),
    pytest.param(MACRO, listing_settings.LABELS, id="macro"),
    pytest.param(TRIAL, trial.LABELS, id="trial"),
    pytest.param(FORECAST, forecast_settings.LABELS, id="forecast"),
]
MACROS = [
    pytest.param(MACRO, id="list-llms"),
    pytest.param(TRIAL, id="try-rows"),
    pytest.param(FORECAST, id="forecast"),
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


def fields(descriptor: ANY) -> list[dict[str, object]]:
    params = descriptor["params"]
    assert isinstance(params, list)
    return [param for param in params if param["type"] != "SEPARATOR"]


@pytest.mark.parametrize(("descriptor", "labels"), FORMS)
def test_every_field_is_read_under_the_label_that_users_see(
    descriptor: ANY, labels: dict[str, str]
) -> None:
    shown = {str(it["name"]): it["label"] for it in fields(descriptor)}
    assert {name: it for name, it in shown.items() if name not in DISPLAY_ONLY} == labels


@pytest.mark.parametrize(("descriptor", "_labels"), FORMS)
def test_every_field_has_a_description_and_a_default_of_its_type(
    descriptor: ANY, _labels: dict[str, str]
) -> None:
    for field in fields(descriptor):
        assert len(str(field["description"])) > 10, field["name"]
        if "defaultValue" in field:
            assert isinstance(field["defaultValue"], TYPES[str(field["type"])]), field["name"]


def test_the_form_s_defaults_are_those_of_absent_fields() -> None:
    defaults = {
        str(it["name"]): it["defaultValue"] for it in fields(RECIPE) if "defaultValue" in it
    }
    shown = Settings.from_config({**defaults, **NEEDED}, {})
    assert shown == Settings.from_config(NEEDED, {})


def test_the_form_s_limits_are_those_of_the_code() -> None:
    for field in fields(RECIPE):
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
    for field in fields(RECIPE):
        choices = field.get("selectChoices", [])
        assert isinstance(choices, list)
        for choice in choices:
            config = {**NEEDED, str(field["name"]): choice["value"]}
            Settings.from_config(config, {})


def test_fields_are_shown_by_fields_that_exist() -> None:
    names = {it["name"] for it in fields(RECIPE)}
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
    assert [it["name"] for it in fields(RECIPE) if visible(it, form)] == [
        "llm_id",
        "messages_mode",
        *MAIN_FIELDS[mode],
        "temperature",
        "max_tokens",
        "output_format",
        "show_advanced",
    ]


def test_a_recipe_from_before_there_were_modes_shows_its_columns() -> None:
    shown = [it["name"] for it in fields(RECIPE) if visible(it, {})]
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
    (examples,) = [it for it in fields(RECIPE) if it["type"] == "OBJECT_LIST"]
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
    named = {it["columnRole"] for it in fields(RECIPE) if "columnRole" in it}
    assert named
    assert named <= roles


@pytest.mark.parametrize("macro", MACROS)
def test_macros_ask_for_the_rights_that_the_mesh_wants(macro: ANY) -> None:
    assert macro["permissions"] == ["READ_CONF", "WRITE_CONF"]
    assert macro["impersonate"] is True
    assert macro["macroRoles"] == [{"type": "PROJECT_MACROS"}]


@pytest.mark.parametrize("macro", MACROS)
def test_choices_made_by_python_have_a_script_that_travels(macro: ANY) -> None:
    dynamic = [it for it in fields(macro) if it.get("getChoicesFromPython")]
    assert bool(dynamic) == ("paramsPythonSetup" in macro)
    if dynamic:
        script = ROOT / "resource" / str(macro["paramsPythonSetup"])
        assert "do" in {
            it.name for it in ast.parse(script.read_text()).body if isinstance(it, ast.FunctionDef)
        }
        assert script.relative_to(ROOT) in shipped_files()


def test_the_choices_are_recipes_of_the_type_that_macros_read() -> None:
    script = ROOT / "resource/prompt_batch_recipes.py"
    assert f'RECIPE_TYPE = "{flow_recipe.RECIPE_TYPE}"' in script.read_text()
    assert flow_recipe.RECIPE_TYPE == "CustomCode_mesh-prompt-batch"


@pytest.mark.parametrize(
    ("macro", "read", "most"),
    [
        (TRIAL, TrialSettings, {"rows": trial.MOST_ROWS}),
        (
            FORECAST,
            ForecastSettings,
            {
                "sample_rows": forecast_settings.MOST_SAMPLED,
                "calls": forecast_settings.MOST_CALLS,
            },
        ),
    ],
)
def test_forms_of_macros_have_the_defaults_and_limits_of_the_code(
    macro: ANY, read: Any, most: Mapping[str, int]
) -> None:
    config = {str(it["name"]): it["defaultValue"] for it in fields(macro) if "defaultValue" in it}
    named = {"recipe": "ask"}
    assert read.from_config({**named, **config}) == read.from_config(named)
    assert {it["name"]: it["maxI"] for it in fields(macro) if "maxI" in it} == most


def test_the_macro_says_how_many_calls_it_makes() -> None:
    (probe,) = [it for it in fields(MACRO) if it["name"] == "probe_capabilities"]
    assert f"at most {MOST_CALLS} small calls" in str(probe["description"])
    assert f"at most {MOST_CALLS} small calls" in (ROOT / "docs/macros.md").read_text()
    assert f"{MOST_VARIABLE_BYTES // 1000} kB" in (ROOT / "docs/macros.md").read_text()


def test_output_columns_keep_their_promised_names_and_types() -> None:
    promised = {
        "essential": "completion:string error_type:string error_message:string",
        "standard": "finish_reason:string prompt_tokens:bigint completion_tokens:bigint cost:double"
        " latency_seconds:double attempts:bigint answered_by:string",
        "full": "source:string time_to_first_token_seconds:double messages_sent:string"
        " raw_response:string",
    }
    for smallest, columns in promised.items():
        ours = [f"{it.name}:{it.type}" for it in COLUMNS if it.smallest_set == smallest]
        assert ours == columns.split()
    assert all(it.description for it in COLUMNS)


def shipped() -> list[Path]:
    folders = ("python-lib", "custom-recipes", "python-runnables", "resource")
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_what_is_imported_is_required_or_comes_with_dss() -> None:
    known = {
        *sys.stdlib_module_names,
        "mesh_prompt_batch",
        "dataiku",
        "openai",
        "typing_extensions",
        "jsonschema",
        "referencing",  # a part of jsonschema's interface, required by it
        "genai_prices",
        "dataikuapi",  # in every code env of DSS
        *("pyspark", "pyarrow"),  # where Spark is, which alone imports the modules that need them
    }
    for path in shipped():
        assert {name.split(".")[0] for name in imported(path)} <= known, path


def test_requirements_are_few_and_bounded() -> None:
    text = (ROOT / "code-env/python/spec/requirements.txt").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert [re.split(r"[\[<>=]", line)[0] for line in lines] == [
        "openai",
        "jsonschema",
        "genai-prices",
    ]
    assert all(">=" in line and ",<" in line for line in lines)


def test_fields_named_in_sentences_are_fields_of_a_form() -> None:
    labels = {
        *settings.LABELS.values(),
        *listing_settings.LABELS.values(),
        *plugin_settings.LABELS.values(),
        *trial.LABELS.values(),
        *forecast_settings.LABELS.values(),
    }
    # Names that belong to Dataiku or to the plugin as a whole.
    labels |= {"List available LLMs", "Append instead of overwrite", "Run folder"}
    labels |= {"Images", "Failed rows"}
    for path in shipped():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for quoted in re.findall(r"'([A-Z][\w ()]+)'", node.value):
                    assert quoted in labels, f"{path.name}: {quoted}"


def test_functions_and_files_stay_short() -> None:
    for path in shipped():
        text = path.read_text()
        assert len(text.splitlines()) <= 300, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                assert (node.end_lineno or 0) - node.lineno < 40, f"{path.name}: {node.name}"


def test_the_map_in_contributing_names_every_module() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    package = ROOT / "python-lib/mesh_prompt_batch"
    modules = {str(it.relative_to(package)) for it in package.rglob("*.py")}
    listed = set(re.findall(r"^((?:adapters/)?\w+\.py)\s", text, re.MULTILINE))
    assert {it for it in modules if not it.endswith("__init__.py")} == listed
