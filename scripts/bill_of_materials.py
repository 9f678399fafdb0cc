"""What the plugin is made of, as CycloneDX 1.6: its zip, and the exact wheels of its code env."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.10", "3.11", "3.12")
_ENTRY = re.compile(r"^(\S+)==(\S+) --hash=sha256:(\w+)  # (\S+)$", re.MULTILINE)
_DIRECT = re.compile(r"^([\w-]+)", re.MULTILINE)


class Wheel(NamedTuple):
    """One line of a list of exact wheels."""

    name: str
    version: str
    sha256: str
    file: str


def bill(archive: Path) -> dict[str, Any]:
    """Of the plugin in `archive`; packages are named once a version, with the wheels of all Pythons that take it."""
    plugin = _read("plugin.json")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    wheels = _wheels()
    root = f"{plugin['id']}@{plugin['version']}"
    packages = sorted({(it.name, it.version) for it in wheels})
    direct = {*_DIRECT.findall(_text("code-env/python/spec/requirements.txt"))}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        # Of the content alone: the same zip has the same bill.
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, digest)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": plugin["id"],
                "version": plugin["version"],
                "description": plugin["meta"]["description"],
                "licenses": _licence("Apache-2.0"),
                "hashes": _hashes(digest),
            }
        },
        "components": [_package(name, version, wheels) for name, version in packages],
        "dependencies": [
            {"ref": root, "dependsOn": [_url(*it) for it in packages if it[0] in direct]}
        ],
    }


def write(archive: Path) -> Path:
    """Beside the zip."""
    target = archive.with_suffix(".cdx.json")
    text = json.dumps(bill(archive), indent=1, ensure_ascii=False)
    target.write_text(text + "\n", encoding="utf-8", newline="\n")
    return target


def _wheels() -> dict[Wheel, list[str]]:
    """Each with the Pythons that take it."""
    wheels: dict[Wheel, list[str]] = {}
    for python in PYTHONS:
        for entry in _ENTRY.findall(_text(f"requirements/code-env-{python}.txt")):
            wheels.setdefault(Wheel(*entry), []).append(python)
    return wheels


def _package(name: str, version: str, wheels: dict[Wheel, list[str]]) -> dict[str, Any]:
    own = [it for it in wheels if (it.name, it.version) == (name, version)]
    pythons = sorted({python for it in own for python in wheels[it]}, key=PYTHONS.index)
    return {
        "type": "library",
        "bom-ref": _url(name, version),
        "name": name,
        "version": version,
        "purl": _url(name, version),
        "scope": "required",
        "licenses": _licence(_read("requirements/licences.json")[name]),
        "properties": [{"name": "python", "value": it} for it in pythons],
        "components": [
            {"type": "file", "name": it.file, "hashes": _hashes(it.sha256)} for it in sorted(own)
        ],
    }


def _licence(expression: str) -> list[dict[str, Any]]:
    if " " in expression:
        return [{"expression": expression}]
    return [{"license": {"id": expression}}]


def _hashes(digest: str) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": digest}]


def _url(name: str, version: str) -> str:
    return f"pkg:pypi/{name}@{version}"


def _text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def _read(path: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(_text(path))
    return read
