"""The zip and its bill of materials: the same bytes wherever they are made, and a bill that others can read."""

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from scripts.bill_of_materials import PYTHONS, bill
from scripts.build_plugin import ROOT, build, shipped_files
from scripts.lock import PYTHONS as LOCKED_PYTHONS
from scripts.travelling_pages import NOTE, travelling

from documents import Document

NEEDED = [
    ".gitattributes",
    "scripts/build_plugin.py",
    "scripts/bill_of_materials.py",
    "scripts/travelling_pages.py",
    "requirements/licences.json",
]
SOURCES = [
    *shipped_files(),
    *map(Path, NEEDED),
]


def copied(folder: Path, *, backwards: bool, mode: int, moment: int) -> Path:
    for path in sorted(SOURCES, reverse=backwards):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, target)
        target.chmod(mode)
        os.utime(target, (moment, moment))
    return folder


def made_in(folder: Path, umask: int, **environment: str) -> dict[str, bytes]:
    subprocess.run(
        [sys.executable, "scripts/build_plugin.py", "--folder", "out"],
        cwd=folder,
        check=True,
        stdout=subprocess.PIPE,
        umask=umask,
        env={**os.environ, **environment},
    )
    return {it.name: it.read_bytes() for it in (folder / "out").iterdir()}


def test_the_zip_and_its_bill_are_the_same_bytes_wherever_and_whenever_they_are_made(
    tmp_path: Path,
) -> None:
    one = copied(tmp_path / "one", backwards=False, mode=0o600, moment=0)
    other = copied(tmp_path / "a ü" / "other", backwards=True, mode=0o755, moment=1_900_000_000)
    first = made_in(one, 0o077, LC_ALL="C", TZ="UTC", PYTHONHASHSEED="1")
    second = made_in(other, 0o000, LC_ALL="C.UTF-8", TZ="Asia/Tokyo", PYTHONHASHSEED="2")
    assert first == second
    assert sorted(it.rpartition(".")[2] for it in first) == ["json", "zip"]


def git(folder: Path, *command: str) -> None:
    author = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.com")
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    done = ["git", *author, "-c", "core.safecrlf=false", *command]
    subprocess.run(done, cwd=folder, check=True, capture_output=True, env={**os.environ, **alone})


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    folder = copied(tmp_path / "repository", backwards=False, mode=0o644, moment=0)
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "All.")
    return folder


def test_a_clone_with_the_line_ends_of_windows_makes_the_same_zip(
    repository: Path, tmp_path: Path
) -> None:
    git(tmp_path, "clone", "--quiet", "--config", "core.autocrlf=true", str(repository), "clone")
    git(repository, "worktree", "add", "--quiet", str(tmp_path / "worktree"))
    made = [made_in(it, 0o022) for it in (repository, tmp_path / "clone", tmp_path / "worktree")]
    assert made[0] == made[1] == made[2]


def test_what_git_does_not_know_is_named_and_travels_in_no_zip(repository: Path) -> None:
    left = repository / "python-lib/mesh_prompt_batch/left behind.py"
    left.touch()
    command = [sys.executable, "scripts/build_plugin.py"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    sentence = f"Git does not know {left.relative_to(repository)}, which would be in the zip: "
    assert done.stderr.startswith(sentence)
    assert not list(repository.glob("dist/*.zip"))
    left.unlink()
    made_in(repository, 0o022)


def test_the_zip_holds_what_dss_needs_and_is_the_same_every_time(tmp_path: Path) -> None:
    (tmp_path / "dss-plugin-old.zip").touch()
    script = str(ROOT / "scripts/build_plugin.py")
    built = []
    for _ in range(2):
        subprocess.run(
            [sys.executable, script, "--folder", str(tmp_path)], check=True, stdout=subprocess.PIPE
        )
        (archive,) = tmp_path.glob("*.zip")
        built.append(archive.read_bytes())
    assert built[0] == built[1]
    with zipfile.ZipFile(io.BytesIO(built[0])) as opened:
        names = set(opened.namelist())
    library = ROOT / "python-lib"
    assert {
        f"python-lib/{it.relative_to(library).as_posix()}" for it in library.rglob("*.py")
    } <= names
    assert {name.split("/")[0] for name in names} == {
        *("plugin.json", "LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md", "docs"),
        *(
            "code-env",
            "custom-recipes",
            "python-lib",
            "python-runnables",
            "requirements",
            "resource",
        ),
    }


def test_the_zip_depends_on_no_compressor(tmp_path: Path) -> None:
    with zipfile.ZipFile(build(tmp_path)) as archive:
        entries = archive.infolist()
    assert {it.compress_type for it in entries} == {zipfile.ZIP_STORED}
    assert {(it.create_system, it.external_attr >> 16, it.date_time) for it in entries} == {
        (3, 0o644, (1980, 1, 1, 0, 0, 0))
    }


def test_no_page_in_the_zip_leads_to_what_is_not_there(tmp_path: Path) -> None:
    with zipfile.ZipFile(build(tmp_path / "dist")) as archive:
        archive.extractall(tmp_path / "zip")
    pages = {it: Document.read(it) for it in (tmp_path / "zip").rglob("*.md")}
    links = [(page, link) for page in pages.values() for link in page.links]
    dead = []
    for page, link in links:
        target = (page.path.parent / link.path).resolve() if link.path else page.path
        there = target.is_file() and (not link.anchor or link.anchor in pages[target].anchors)
        if link.is_image or not there:
            dead.append((page.path.name, link))
    assert dead == []
    reached = {(page.path.parent / link.path).resolve() for page, link in links if link.path}
    for needed in ("docs/admin.md", "SECURITY.md", "requirements/code-env-3.12.txt"):
        assert tmp_path / "zip" / needed in reached


def test_a_page_in_the_zip_says_what_the_page_of_the_project_says() -> None:
    text = (
        "# A\n\n![Form](x.png)\n\nSee [all of it](../SECURITY.md#a), [`how`](../bench/README.md), [there](https://a.b).\n"
        "`[no](link.md)`\n\n```\n[no](link.md)\n```\n[here](#a) a ![picture](x.png) inside\n"
    )
    assert travelling(text, Path("docs/a.md"), {Path("SECURITY.md")}) == (
        f"# A\n{NOTE}\nSee [all of it](../SECURITY.md#a), `how`, [there](https://a.b).\n"
        "`[no](link.md)`\n\n```\n[no](link.md)\n```\n[here](#a) a picture inside\n"
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    archive = build(tmp_path_factory.mktemp("dist"))
    return bill(archive)


def test_the_bill_is_cyclonedx(made: dict[str, Any]) -> None:
    folder = resources.files("cyclonedx.schema._res")
    schemas = {
        it.name: json.loads(it.read_text("utf-8"))
        for it in folder.iterdir()
        if it.name
        in (
            "bom-1.6.SNAPSHOT.schema.json",
            "spdx.SNAPSHOT.schema.json",
            "jsf-0.82.SNAPSHOT.schema.json",
        )
    }
    root = schemas["bom-1.6.SNAPSHOT.schema.json"]
    registry = Registry[Any]().with_resources(
        (urljoin(root["$id"], name), Resource.from_contents(it)) for name, it in schemas.items()
    )
    validator = Draft7Validator(root, registry=registry)
    assert [it.message for it in validator.iter_errors(made)] == []
    broken = {**made, "specVersion": 1, "components": [{"type": "library"}]}
    assert len(list(validator.iter_errors(broken))) >= 2


def test_the_bill_names_every_wheel_of_the_code_env_with_version_hash_and_licence(
    made: dict[str, Any],
) -> None:
    assert PYTHONS == LOCKED_PYTHONS
    components = made["components"]
    assert isinstance(components, list)
    told = {
        (it["name"], it["version"], file["hashes"][0]["content"], file["name"])
        for it in components
        for file in it["components"]
    }
    lines = [
        line
        for it in PYTHONS
        for line in (ROOT / f"requirements/code-env-{it}.txt").read_text("utf-8").splitlines()[1:]
    ]
    assert {
        f"{name}=={version} --hash=sha256:{digest}  # {file}"
        for name, version, digest, file in told
    } == {*lines}
    assert all(it["licenses"] and it["purl"].startswith("pkg:pypi/") for it in components)
    refs = {it["bom-ref"] for it in components}
    (root,) = made["dependencies"]
    assert {*root["dependsOn"]} <= refs
    assert {it.partition("@")[0] for it in root["dependsOn"]} == {
        *("pkg:pypi/openai", "pkg:pypi/jsonschema", "pkg:pypi/genai-prices")
    }
