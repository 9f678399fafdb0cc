"""What DSS reads of the macros (JSON) and what their code reads (Python) say the same."""

import ast
from collections.abc import Mapping
from typing import Any

import pytest
from scripts.build_plugin import shipped_files

from descriptors import FORECAST, LISTING, TRIAL, Descriptor, parameters
from documents import ROOT
from mesh_prompt_batch import flow_recipe, forecast_settings, trial
from mesh_prompt_batch.capability_probes import MOST_CALLS
from mesh_prompt_batch.forecast_settings import ForecastSettings
from mesh_prompt_batch.llm_table import MOST_VARIABLE_BYTES
from mesh_prompt_batch.trial import TrialSettings

MACROS = [
    pytest.param(LISTING, id="list-llms"),
    pytest.param(TRIAL, id="try-rows"),
    pytest.param(FORECAST, id="forecast"),
]


@pytest.mark.parametrize("macro", MACROS)
def test_macros_ask_for_the_rights_that_the_mesh_wants(macro: Descriptor) -> None:
    assert macro["permissions"] == ["READ_CONF", "WRITE_CONF"]
    assert macro["impersonate"] is True
    assert macro["macroRoles"] == [{"type": "PROJECT_MACROS"}]


@pytest.mark.parametrize("macro", MACROS)
def test_choices_made_by_python_have_a_script_that_travels(macro: Descriptor) -> None:
    dynamic = [it for it in parameters(macro) if it.get("getChoicesFromPython")]
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
    macro: Descriptor, read: Any, most: Mapping[str, int]
) -> None:
    config = {
        str(it["name"]): it["defaultValue"] for it in parameters(macro) if "defaultValue" in it
    }
    named = {"recipe": "ask"}
    assert read.from_config({**named, **config}) == read.from_config(named)
    assert {it["name"]: it["maxI"] for it in parameters(macro) if "maxI" in it} == most


def test_the_macro_says_how_many_calls_it_makes() -> None:
    (probe,) = [it for it in parameters(LISTING) if it["name"] == "probe_capabilities"]
    assert f"at most {MOST_CALLS} small calls" in str(probe["description"])
    assert f"at most {MOST_CALLS} small calls" in (ROOT / "docs/macros.md").read_text()
    assert f"{MOST_VARIABLE_BYTES // 1000} kB" in (ROOT / "docs/macros.md").read_text()
