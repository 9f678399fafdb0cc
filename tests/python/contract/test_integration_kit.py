"""The kit for a real DSS asks all it lists, within its bound; the stand-in's public API is strict."""

import ast
import io
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dataikuapi import DSSClient
from dataikuapi.utils import DataikuException

from integration.course import MOST_CALLS, STEPS, calls
from integration.jobs import marks
from integration.plugin_settings import PLUGIN_ID
from integration.questions import QUESTIONS
from integration.workspace import INSIDE, code
from local_dss.instance import Instance
from local_dss.mesh_server import MeshServer

KIT = INSIDE.parent


def test_every_question_has_a_step_or_clicks_and_every_answer_a_question() -> None:
    ids = [it.id for it in QUESTIONS]
    answered = Counter(name for step in STEPS for name in step.questions)
    assert len({*ids}) == len(ids)
    assert {*answered} <= {*ids}
    assert max(answered.values()) == 1
    assert [it.id for it in QUESTIONS if it.id not in answered and not it.look] == []


def test_the_bound_on_paid_calls_is_the_one_that_the_readme_promises() -> None:
    promised = re.search(r"at most (\d+) small calls", (KIT / "README.md").read_text())
    assert promised is not None
    assert calls(STEPS) == int(promised[1]) <= MOST_CALLS


def test_code_for_inside_dss_imports_nothing_of_the_kit_and_compiles() -> None:
    for path in INSIDE.glob("*.py"):
        whole = code([path.stem], {"answer": 42})
        assert "integration." not in whole, path
        compile(whole, path.name, "exec")
    assert {it.stem for it in INSIDE.glob("*.py")} - {"saying"} == {
        name for text in KIT.glob("*_steps.py") for name in _named(text)
    }


SCRIPTS = sorted(it.stem for it in INSIDE.glob("*.py") if it.stem != "saying")
NOT_YET_SUBSCRIPTED = {"list", "dict", "tuple", "set", "frozenset", "type"}


def too_new(whole: str) -> list[str]:
    """What of a script Python 3.7 cannot parse or evaluate, of what is likely."""
    tree = ast.parse(whole, feature_version=(3, 7))
    imports = [it for it in ast.walk(tree) if isinstance(it, ast.ImportFrom)]
    bare = {name.name for it in imports if it.module == "collections.abc" for name in it.names}
    names = NOT_YET_SUBSCRIPTED | bare
    subscripts = [it.value for it in ast.walk(tree) if isinstance(it, ast.Subscript)]
    unions = [it for it in ast.walk(tree) if isinstance(it, ast.BinOp)]
    calls = [it for it in ast.walk(tree) if isinstance(it, ast.Call)]
    return [
        *(it.id for it in subscripts if isinstance(it, ast.Name) and it.id in names),
        *("|" for it in unions if isinstance(it.op, ast.BitOr)),
        *("strict" for it in calls if "strict" in {word.arg for word in it.keywords}),
    ]


@pytest.mark.parametrize("script", SCRIPTS)
def test_code_for_inside_dss_runs_on_the_python_of_an_older_dss(script: str) -> None:
    assert too_new(code([script], {"answer": 42})) == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("x = dict[str, int]", ["dict"]),
        ("from collections.abc import Callable\nx = Callable[[], int]", ["Callable"]),
        ("def f(x: int | None): ...", ["|"]),
        ("zip(a, strict=True)", ["strict"]),
    ],
)
def test_what_is_too_new_is_seen(line: str, found: list[str]) -> None:
    assert too_new(line) == found


def test_code_for_inside_dss_runs_on_the_oldest_python_that_is_here(tmp_path: Path) -> None:
    """Up to its first import of Dataiku: definitions are evaluated after it."""
    older = sorted(
        (tuple(map(int, it.parts[-3].split(".")[:2])), it)
        for it in (Path.home() / ".pyenv/versions").glob("3.*/bin/python")
    )
    if not older or older[0][0] > (3, 9):
        pytest.skip("no Python before 3.10 is here")
    for name in ("requests", "dataiku", "dataiku.scenario"):
        file = tmp_path / name.replace(".", "/") / "__init__.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text("Response = Scenario = Dataset = Folder = object\n")
    for script in SCRIPTS:
        whole = code([script], {}).rpartition("\n\nKIT = ")[0]
        (tmp_path / f"kit_{script}.py").write_text(whole)
    names = ", ".join(f"kit_{it}" for it in SCRIPTS)
    subprocess.run([older[0][1], "-c", f"import {names}"], cwd=tmp_path, check=True)


def _named(path: Path) -> set[str]:
    """Scripts that a module of steps has run."""
    lists = re.findall(r"\[((?:\s*\"[a-z_]+\",?)+)\s*\]", path.read_text())
    words = {word for it in lists for word in re.findall(r"\"(\w+)\"", it)}
    return {it for it in words if (INSIDE / f"{it}.py").exists()}


def test_what_a_job_says_is_found_among_other_lines_and_a_cut_line_is_none() -> None:
    log = (
        '[2026] [null-out-7] [INFO] [dku.utils]  - KIT {"name": "a", "found": {"x": 1}}\n'
        '[2026] [null-out-7] [INFO] [dku.utils]  - KIT {"name": "b", "fou\n'
        "KIT is a word\n"
    )
    assert marks(log) == {"a": {"x": 1}}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[DSSClient]:
    with MeshServer(instance=Instance(tmp_path, Path("no-python"))) as mesh:
        yield DSSClient(mesh.front, "dku-personal-key")


def made(client: DSSClient) -> DSSClient:
    client.create_project("KIT", "Kit", "analyst").new_managed_dataset("data").with_store_into(
        "filesystem_managed"
    ).create()
    return client.get_project("KIT")


REFUSALS: dict[str, tuple[Callable[[DSSClient], object], str]] = {
    "an unknown route": (lambda c: c.list_users(), "NotFoundException: No route"),
    "a plugin that is not there": (
        lambda c: c.get_plugin("other").get_settings(),
        "NotFoundException: No plugin other",
    ),
    "a file that is no archive": (
        lambda c: c.install_plugin_from_archive(io.BytesIO(b"no zip")),
        "ZipException",
    ),
    "an owner whom nobody knows": (
        lambda c: c.create_project("KIT", "Kit", "nobody"),
        "IllegalArgumentException: No user",
    ),
    "a project that is not there": (
        lambda c: c.get_project("GONE").get_variables(),
        "UnauthorizedException",
    ),
    "a connection that is not there": (
        lambda c: made(c).new_managed_dataset("more").with_store_into("s3").create(),
        "IOException: Connection s3",
    ),
    "a recipe with an output that is not there": (
        lambda c: made(c).new_recipe("python", "r").with_output("gone").create(),
        "IllegalArgumentException: No dataset or folder: gone",
    ),
    "a recipe of a plugin that is not there": (
        lambda c: made(c).create_recipe(
            {
                "type": f"CustomCode_{PLUGIN_ID}",
                "name": "r",
                "inputs": {},
                "outputs": {"completions": {"items": [{"ref": "data"}]}},
            },
            {},
        ),
        "IllegalArgumentException: Unknown type of recipe",
    ),
    "a build of what no recipe makes": (
        lambda c: made(c).new_job().with_output("data", "DATASET").start(),
        "IllegalArgumentException: No recipe builds data",
    ),
    "a job that is not there": (
        lambda c: made(c).get_job("gone").get_log(),
        "NotFoundException: No run gone",
    ),
    "a macro without its plugin": (
        lambda c: made(c).get_macro(f"pyrunnable_{PLUGIN_ID}_list-llms").run(),
        "NotFoundException: No plugin",
    ),
    "a scenario without steps": (
        lambda c: made(c).create_scenario("s", "step_based"),
        "IllegalArgumentException: A scenario of steps",
    ),
    "a folder that is not there": (
        lambda c: made(c).get_managed_folder("gone").list_contents(),
        "NotFoundException: No managed folder gone",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_the_public_api_refuses(client: DSSClient, name: str) -> None:
    action, words = REFUSALS[name]
    with pytest.raises(DataikuException, match=re.escape(words)):
        action(client)
