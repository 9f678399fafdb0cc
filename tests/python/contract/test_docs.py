"""Documents say what is: links, commands, paths, labels, names, defaults, Python.

Whoever adds a page need not change this file, save for a word that belongs to Dataiku (THEIRS) or to an API
(OTHERS), or a file that only a run or a build makes (MADE).
"""

import ast
import importlib
import json
import re
from pathlib import Path

import pytest
from scripts.screenshots import LARGEST_PICTURE

from descriptors import DESCRIPTORS, parameters, roles
from documents import ROOT, Document, documents, project_files
from mesh_prompt_batch.version import VERSION
from promised_names import (
    ERROR_TYPES,
    FAILED_COLUMNS,
    METRICS,
    OUTPUT_COLUMNS,
    labels,
    lines_of_settings,
    names,
)

DOCUMENTS = documents()
# What users read; the others speak of code too.
PAGES = [it for it in DOCUMENTS if it.path.parent in {ROOT, ROOT / "docs"}]
PAGES = [it for it in PAGES if it.path.name != "CONTRIBUTING.md"]
SETTINGS = ROOT / "docs/settings.md"

# Dataiku's words, as its pages show them.
THEIRS = {
    "Add plugin",
    "Add reporter",
    "Add step",
    "Add trigger",
    "Administration",
    "Append instead of overwrite",
    "Concurrent jobs and activities",
    "Custom Python",
    "Data quality",
    "Execute macro",
    "Extra options",
    "Macros",
    "Mail",
    "Misc",
    "New rule",
    "New scenario",
    "Plugins",
    "Python code",
    "Read project content",
    "Resource control",
    "Run as user",
    "Scenarios",
    "Sequence of steps",
    "Settings",
    "Steps",
    "Time-based",
    "Upload",
    "Write project content",
}
# What the log says, quoted.
LOGGED = {"List price assumed"}
# Names of the OpenAI API and of Dataiku's.
OTHERS = {
    "function_call",
    "max_completion_tokens",
    "parallel_tool_calls",
    "response_format",
    "service_tier",
    "use_plugin_libs",
}
# Between the words of a way through menus.
THEN = "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"
MADE = {
    "core-packages.txt",
    "state.json",
    "dist/",
    "report.html",
    "runs.jsonl",
    "cat.png",
    "dog.jpg",
}
# What is longer is a thought, not a turn of phrase.
LONGEST_PHRASE = 70
FILE_TYPES = "py|json|jsonl|md|txt|toml|html|png|csv|c|js|css|yml|zip"


def shown(faults: list[str], advice: str) -> str:
    return "\n".join([*sorted(set(faults)), f"→ {advice}"])


def test_every_link_leads_somewhere() -> None:
    by_path = {it.path: it for it in DOCUMENTS}
    faults = []
    for document in DOCUMENTS:
        for link in document.links:
            target = (document.path.parent / link.path).resolve() if link.path else document.path
            if not target.exists():
                faults.append(f"{document.name}: there is no {link.path}")
            elif link.anchor and link.anchor not in by_path[target].anchors:
                there = ", ".join(sorted(by_path[target].anchors))
                faults.append(
                    f"{document.name}: {target.name} has no heading #{link.anchor}, but {there}"
                )
    assert not faults, shown(faults, "correct the link, or what it leads to")


def test_every_page_is_within_reach_of_readme() -> None:
    by_path = {it.path: it for it in DOCUMENTS}
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        path = waiting.pop()
        if path in by_path and path not in reached:
            reached.add(path)
            links = by_path[path].links
            waiting += [(path.parent / it.path).resolve() for it in links if it.path]
    missed = [it.name for it in PAGES if it.path not in reached]
    assert not missed, shown(missed, "link the page from README or from a page that README links")


def test_no_sentence_stands_on_two_pages() -> None:
    places: dict[str, set[str]] = {}
    for document in DOCUMENTS:
        for sentence in re.split(r"(?<=[.:|])\s+", " ".join(document.prose.split())):
            if len(sentence) > LONGEST_PHRASE:
                places.setdefault(sentence, set()).add(document.name)
    twice = [f"{', '.join(sorted(it))}: {said}" for said, it in places.items() if len(it) > 1]
    assert not twice, shown(twice, "say it on one page, and link it from the other")


def test_every_picture_is_shown_and_described() -> None:
    images = [(it, link) for it in DOCUMENTS for link in it.links if link.is_image]
    silent = [f"{it.name}: {link.path}" for it, link in images if len(link.text) < 20]
    assert not silent, shown(silent, "say between the brackets what the picture shows")
    used = {(it.path.parent / link.path).resolve() for it, link in images}
    unused = [it.name for it in (ROOT / "docs/images").iterdir() if it not in used]
    assert not unused, shown(unused, "show the picture on a page, or take it out of docs/images")


def test_pictures_open_at_once() -> None:
    pictures = [*(ROOT / "docs/images").iterdir()]
    large = [it.name for it in pictures if it.stat().st_size > LARGEST_PICTURE]
    assert not large, shown(large, "take it by `make screenshots`, which writes few colours")


def test_every_make_target_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {*re.findall(r"^([a-z][\w-]*):", makefile, re.MULTILINE)}
    faults = [
        f"{document.name}: make {target}"
        for document in DOCUMENTS
        for line in document.commands()
        for target in re.findall(r"^(?:\s*\$)?\s*make ([a-z][\w-]*)", line)
        if target not in targets
    ]
    assert not faults, shown(faults, f"the Makefile has {', '.join(sorted(targets))}")


def test_every_path_named_exists() -> None:
    files = [it.relative_to(ROOT) for it in project_files()]
    there = {f"/{it.as_posix()}" for it in files}
    there |= {f"/{folder.as_posix()}/" for it in files for folder in it.parents}
    pattern = re.compile(rf"\.?\w[\w./-]*(?:/|\.(?:{FILE_TYPES}))")
    faults = [
        f"{document.name}: {word}"
        for document in DOCUMENTS
        for span in document.commands()
        for word in span.split()
        if pattern.fullmatch(word) and word not in MADE and not is_path(word, there)
    ]
    assert not faults, shown(faults, "correct the path; what only a run makes belongs into MADE")


def is_path(word: str, there: set[str]) -> bool:
    return any(it.endswith(f"/{word}") for it in there)


def test_every_label_in_italics_is_one_that_users_see() -> None:
    steps = {
        step["name"]
        for it in (ROOT / "examples/scenarios").glob("*.json")
        for step in json.loads(it.read_text(encoding="utf-8"))
    }
    known = labels() | THEIRS | LOGGED | steps
    faults = [
        f"{document.name}: *{label}*"
        for document in DOCUMENTS
        for italic in document.italics
        for label in italic.split(f" {THEN} ")
        if label[0].isupper() and label not in known
    ]
    assert not faults, shown(
        faults,
        "italics with a capital are for labels, spelled as in their descriptor; one of Dataiku's belongs into THEIRS",
    )


def test_every_name_in_code_is_one_that_users_type_or_read() -> None:
    known = names() | OTHERS
    faults = [
        f"{document.name}: `{span}`"
        for document in PAGES
        for span in document.code_spans
        if re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)+", span) and not is_known(span, known)
    ]
    assert not faults, shown(
        faults,
        "no descriptor, column or function has it; a name of OpenAI, Dataiku or Spark belongs into OTHERS",
    )


def is_known(name: str, known: set[str]) -> bool:
    # A column whose name the input has already gets a number.
    return name in known or re.sub(r"_\d$", "", name) in known


@pytest.mark.parametrize("path", DESCRIPTORS)
def test_every_field_and_role_is_described(path: str) -> None:
    told = {label for it in PAGES if it.path != SETTINGS for label in it.italics}
    descriptor = DESCRIPTORS[path]
    fields = [*roles(descriptor), *parameters(descriptor)]
    missing = [f"*{it['label']}* ({it['name']})" for it in fields if it["label"] not in told]
    assert not missing, shown(missing, "say in docs/ what the field is for, its label in italics")


def test_every_part_of_the_form_is_on_the_page_for_analysts() -> None:
    (page,) = [it for it in PAGES if it.name == "docs/analyst.md"]
    recipe = DESCRIPTORS["custom-recipes/mesh-prompt-batch/recipe.json"]
    parts = [it["label"] for it in recipe["params"] if it["type"] == "SEPARATOR"]
    missing = [it for it in parts if f"### {it}\n" not in page.text]
    assert not missing, shown(missing, "give the section a heading of the same name in analyst.md")


def test_every_column_error_and_metric_is_described() -> None:
    told = {span for it in PAGES for span in it.code_spans}
    told = {word for it in told for word in it.split()}
    missing = (OUTPUT_COLUMNS | FAILED_COLUMNS | ERROR_TYPES | METRICS) - told
    assert not missing, shown([*missing], "say in docs/ what it means, as `code`")


def test_the_page_of_settings_has_every_field_with_its_default_and_bounds() -> None:
    page = SETTINGS.read_text(encoding="utf-8")
    there = {*re.findall(r"^\| \*[^*]+\* \| `\w+` \| .*\|$", page, re.MULTILINE)}
    right = {line for it in DESCRIPTORS.values() for line in lines_of_settings(it)}
    missing, surplus = sorted(right - there), sorted(there - right)
    assert not missing + surplus, "\n".join(
        ["docs/settings.md lacks:", *missing, "and should not have:", *surplus]
    )


def test_python_in_documents_compiles_and_imports_what_exists() -> None:
    for document in DOCUMENTS:
        for language, code in document.fenced:
            if language == "python":
                for node in ast.walk(ast.parse(code, document.name)):
                    if isinstance(node, ast.ImportFrom) and node.module:
                        check_import(node.module, [it.name for it in node.names], document)


def names_of(module: str) -> set[str]:
    """What can be imported from it; by its source where it needs a package that this environment does without."""
    try:
        imported = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if str(error.name).startswith("mesh_prompt_batch"):
            raise
        path = ROOT / "python-lib" / f"{module.replace('.', '/')}.py"
        body = ast.parse(path.read_text(encoding="utf-8")).body
        return {it.name for it in body if isinstance(it, (ast.FunctionDef, ast.ClassDef))}
    return {*dir(imported), *getattr(imported, "__all__", ())}


def check_import(module: str, imported: list[str], document: Document) -> None:
    if module.split(".", maxsplit=1)[0] == "mesh_prompt_batch":
        there = names_of(module)
        missing = [it for it in imported if it not in there]
        assert not missing, f"{document.name}: {module} has no {', '.join(missing)}"


def test_the_version_is_the_same_everywhere() -> None:
    log = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    top = re.search(r"^## \[(\S+)\] - \d{4}-\d\d-\d\d$", log, re.MULTILINE)
    assert top is not None, "CHANGELOG's newest entry reads: ## [1.2.3] - 2026-11-24"
    assert DESCRIPTORS["plugin.json"]["version"] == VERSION == top[1]
