"""Descriptors use the keys and words that DSS knows: what it does not know, it passes over in silence."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]


def descriptor(path: str) -> dict[str, Any]:
    return dict(json.loads((ROOT / path).read_text()))


PLUGIN = descriptor("plugin.json")
RECIPES = [str(it.relative_to(ROOT)) for it in ROOT.glob("custom-recipes/*/recipe.json")]
MACROS = [str(it.relative_to(ROOT)) for it in ROOT.glob("python-runnables/*/runnable.json")]
FORMS = ["plugin.json", *RECIPES, *MACROS]

COMMON = {
    "type", "name", "label", "description", "defaultValue", "mandatory", "visibilityCondition",
}  # fmt: skip
CHOICES = {"selectChoices", "getChoicesFromPython", "disableAutoReload", "triggerParameters"}
# The keys of a type beside the common ones.
OWN_KEYS: dict[str, set[str]] = {
    "SEPARATOR": set(),
    "STRING": set(),
    "TEXTAREA": set(),
    "PASSWORD": set(),
    "BOOLEAN": set(),
    "MANAGED_FOLDER": set(),
    "STRINGS": {"allowDuplicates"},
    "INT": {"minI", "maxI"},
    "DOUBLE": {"minD", "maxD"},
    "SELECT": CHOICES,
    "MULTISELECT": CHOICES,
    "OBJECT_LIST": {"subParams"},
    "COLUMN": {"columnRole", "allowedColumnTypes"},
    "COLUMNS": {"columnRole", "allowedColumnTypes"},
    "DATASET": {"canSelectForeign"},
    "LLM": {"llmUsagePurpose"},
}
ROLE_KEYS = {
    "name", "label", "description", "arity", "required",
    "acceptsDataset", "acceptsManagedFolder", "acceptsSavedModel",
}  # fmt: skip
# Names of Font Awesome 3.2.1, the set that every DSS has.
ICON = re.compile(r"icon(-[a-z]+)+")
COLORS = {
    "red", "pink", "purple", "blue", "green", "sky", "yellow", "orange", "brown", "gray",
}  # fmt: skip


def params(path: str) -> Iterator[dict[str, Any]]:
    """Those of objects in a list too."""
    for param in descriptor(path)["params"]:
        yield param
        yield from param.get("subParams", ())


@pytest.mark.parametrize("path", FORMS)
def test_params_have_the_keys_of_their_type_alone(path: str) -> None:
    for param in params(path):
        where = param.get("name", param["label"])
        assert not param.keys() - COMMON - OWN_KEYS[param["type"]], where
        assert param["label"], where
        assert param["type"] == "SEPARATOR" or re.fullmatch(r"[a-z][a-z0-9_]*", param["name"])


@pytest.mark.parametrize("path", FORMS)
def test_what_a_field_means_when_nothing_is_filled_in_is_said_in_one_way(path: str) -> None:
    for param in params(path):
        said = re.findall(r"\b(\w+): ", param.get("description", ""))
        assert not {it.lower() for it in said} & {"empty", "none", "unset"}, param["name"]


@pytest.mark.parametrize("path", FORMS)
def test_names_are_used_once_and_keys_too(path: str) -> None:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({key for key, _ in pairs}) == len(pairs)
        return dict(pairs)

    json.loads((ROOT / path).read_text(), object_pairs_hook=once)
    names = [it["name"] for it in descriptor(path)["params"] if "name" in it]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("path", FORMS)
def test_components_show_what_they_are(path: str) -> None:
    meta = descriptor(path)["meta"]
    assert ICON.fullmatch(meta["icon"])
    assert meta.get("iconColor", "blue") in COLORS
    assert meta["label"]
    assert meta["description"].endswith(".")


def test_the_plugin_is_found_under_generative_ai() -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", PLUGIN["id"])
    assert PLUGIN["meta"]["recipesCategory"] == "genai"
    assert PLUGIN["meta"]["supportLevel"] in {"NOT_SUPPORTED", "TIER2_SUPPORT", "SUPPORTED"}
    assert PLUGIN["meta"]["licenseInfo"] == "Apache Software License"


def test_names_of_components_are_taken_by_nobody_else() -> None:
    folders = [Path(it).parent.name for it in (*RECIPES, *MACROS)]
    assert not [it for it in (PLUGIN["id"], *folders) if "plugin" in it or "custom" in it]
    # A recipe's folder is its name on the whole instance.
    assert all(Path(it).parent.name.startswith(PLUGIN["id"]) for it in RECIPES)


@pytest.mark.parametrize("path", RECIPES)
def test_roles_say_all_that_dss_would_otherwise_assume(path: str) -> None:
    recipe = descriptor(path)
    for role in (*recipe["inputRoles"], *recipe["outputRoles"]):
        assert role.keys() == ROLE_KEYS, role["name"]
        assert role["arity"] in {"UNARY", "NARY"}
        assert role["acceptsDataset"] != role["acceptsManagedFolder"], role["name"]


@pytest.mark.parametrize("path", RECIPES)
def test_a_recipe_starts_from_a_dataset_and_can_be_limited_by_admins(path: str) -> None:
    recipe = descriptor(path)
    (start,) = [it for it in recipe["inputRoles"] if it["name"] == recipe["selectableFromDataset"]]
    assert start["acceptsDataset"]
    assert start["required"]
    assert recipe["resourceKeys"] == [PLUGIN["id"]]
    assert recipe["kind"] == "PYTHON"
    assert recipe["meta"]["iconColor"]


@pytest.mark.parametrize("path", MACROS)
def test_a_macro_says_who_may_run_it_and_what_comes_out(path: str) -> None:
    macro = descriptor(path)
    assert macro["impersonate"] is True
    assert set(macro["permissions"]) <= {"ADMIN", "READ_CONF", "WRITE_CONF"}
    assert macro["requiresGlobalAdmin"] is False
    assert macro["resultType"] in {"NONE", "HTML", "URL", "RESULT_TABLE", "FILE"}
    assert macro["resultLabel"]
    assert {"type": "PROJECT_MACROS"} in macro["macroRoles"]


def test_the_code_env_is_one_that_admins_can_build() -> None:
    described = descriptor("code-env/python/desc.json")
    assert described == {
        "acceptedPythonInterpreters": ["PYTHON310", "PYTHON311", "PYTHON312"],
        "installCorePackages": True,
        "corePackagesSet": "AUTO",
        "installJupyterSupport": False,
        "forceConda": False,
    }
