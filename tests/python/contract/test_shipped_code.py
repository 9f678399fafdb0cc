"""What the plugin's code imports and names is there, the map names each module, and all our code is short."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from documents import ROOT, project_files
from mesh_prompt_batch import forecast_settings, listing_settings, plugin_settings, settings, trial


def shipped() -> list[Path]:
    folders = ("python-lib", "custom-recipes", "python-runnables", "resource")
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            # What is imported from a package may be a module.
            yield from (f"{node.module}.{name.name}" for name in node.names)


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
    for path in sorted(it for it in project_files() if it.suffix == ".py"):
        text = path.read_text()
        assert len(text.splitlines()) <= 300, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                assert (node.end_lineno or 0) - node.lineno < 40, f"{path.name}: {node.name}"


PACKAGE = ROOT / "python-lib/mesh_prompt_batch"


def modules_on_the_map() -> list[str]:
    """By their paths in the package, from the top down."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    return re.findall(r"^((?:adapters/)?\w+\.py)\s", text, re.MULTILINE)


def test_the_map_in_contributing_names_every_module() -> None:
    modules = {str(it.relative_to(PACKAGE)) for it in PACKAGE.rglob("*.py")}
    listed = modules_on_the_map()
    assert {it for it in modules if not it.endswith("__init__.py")} == {*listed}
    assert len(listed) == len({*listed})


def test_a_module_imports_only_from_lines_below_its_own_on_the_map() -> None:
    listed = modules_on_the_map()
    lines = {
        f"mesh_prompt_batch.{it.removesuffix('.py').replace('/', '.')}": at
        for at, it in enumerate(listed)
    }
    for at, module in enumerate(listed):
        ours = {it for it in imported(PACKAGE / module) if it in lines}
        assert not {it for it in ours if lines[it] <= at}, module
