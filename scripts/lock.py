"""Pin our own environments with hashes, and list the exact wheels of the code env: asks the package registry.

`requirements/*.in` say what is wanted and `constraints.txt` which versions were tested. Of them it makes `*.txt`, for
Python 3.10 to 3.13 and every platform, and `code-env-*.txt`, for the admin's Pythons on Linux, with their licences. The
benchmarks' peers want other versions than those that were tested, and each of its own: their `*.in` name all of them.
"""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.venv import VenvError, venv_python  # noqa: E402  # needs the path

CODE_ENV = "code-env/python/spec/requirements.txt"
TESTED = ("--constraints", "requirements/constraints.txt")
LICENCES = "requirements/licences.json"
LOCKED = ("dev", "dss", "spark", "tools")
PEERS = ("bench", "bench-litellm", "bench-curator", "bench-saved")
OLDEST = "3.10"
PEERS_PYTHON = "3.11"
# Those of desc.json, on the machines that DSS runs on.
PYTHONS = ("3.10", "3.11", "3.12")
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
# What some packages write instead of SPDX's names.
SPDX = {
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "License :: OSI Approved :: MIT License": "MIT",
}


def wheel_list(python: str) -> str:
    """Where the exact wheels for one Python stand."""
    return f"requirements/code-env-{python}.txt"


def target(python: str) -> list[str]:
    """Arguments of pip for wheels of another Python than the one that runs."""
    platforms = [part for name in PLATFORMS for part in ("--platform", name)]
    return ["--only-binary=:all:", "--python-version", python, *platforms]


def _lock(python: Path, name: str) -> None:
    head = f"# Made of {name}.in and constraints.txt by `make lock`.\n"
    everywhere = ["--universal", "--generate-hashes", "--python-version", OLDEST, *TESTED]
    pinned = _resolved(python, f"requirements/{name}.in", everywhere)
    (ROOT / f"requirements/{name}.txt").write_text(head + pinned, encoding="utf-8")


def _lock_peer(python: Path, name: str) -> None:
    head = f"# Made of {name}.in by `make lock`, for Python {PEERS_PYTHON}.\n"
    as_named = ["--no-deps", "--generate-hashes", "--python-version", PEERS_PYTHON]
    pinned = _resolved(python, f"requirements/{name}.in", as_named)
    (ROOT / f"requirements/{name}.txt").write_text(head + pinned, encoding="utf-8")


def _resolved(python: Path, source: str, options: list[str]) -> str:
    return _output(
        [str(python.parent / "uv"), "pip", "compile", "--quiet", "--no-header", "--no-annotate"],
        ["--no-emit-index-url", "--no-emit-find-links"],
        [*options, source],
    )


def _wheels(python: Path, version: str) -> dict[str, str]:
    """Write the list for one Python; gives licences by package."""
    # pip reads conditions for the Python that runs, uv for the one that is meant.
    there = ["--python-version", version, "--python-platform", "x86_64-manylinux_2_28", *TESTED]
    pinned = _resolved(python, CODE_ENV, there).split()
    report = json.loads(
        _output(
            [str(python), "-m", "pip", "install", "--quiet", "--dry-run", "--report", "-"],
            ["--no-deps", "--target", "unused", *target(version), *pinned],
        )
    )
    found = sorted(report["install"], key=lambda it: _name(it).lower())
    head = f"# The wheels of the code env for Python {version} on Linux x86-64; `make wheels` downloads them.\n"
    lines = "".join(map(_line, found))
    (ROOT / wheel_list(version)).write_text(head + lines, encoding="utf-8")
    return {_name(it): _licence(it["metadata"]) for it in found}


def _line(entry: dict[str, Any]) -> str:
    version, info = entry["metadata"]["version"], entry["download_info"]
    file = info["url"].rpartition("/")[2]
    digest = info["archive_info"]["hashes"]["sha256"]
    return f"{_name(entry)}=={version} --hash=sha256:{digest}  # {file}\n"


def _name(entry: dict[str, Any]) -> str:
    return re.sub(r"[-_.]+", "-", entry["metadata"]["name"])


def _licence(metadata: dict[str, Any]) -> str:
    classes = [it for it in metadata.get("classifier", []) if it in SPDX]
    told = [metadata.get("license_expression"), metadata.get("license"), *classes]
    named = [SPDX.get(it, it) for it in told if it]
    short: list[str] = [it for it in named if re.fullmatch(r"[\w.() -]{2,80}", it)]
    if not short:
        raise VenvError(f"{metadata['name']} names its licence in no form known here.")
    return short[0]


def _output(*command: list[str]) -> str:
    done = subprocess.run(
        [*itertools.chain(*command)], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        raise VenvError(
            "The package registry did not give what was asked for; the lines above are the tool's own."
        )
    return done.stdout


def main() -> None:
    """Writes the files; an error is one sentence and exit code 2."""
    try:
        tools = venv_python("tools")
        for name in LOCKED:
            _lock(tools, name)
        for name in PEERS:
            _lock_peer(tools, name)
        licences: dict[str, str] = {}
        for version in PYTHONS:
            licences |= _wheels(tools, version)
    except VenvError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    text = json.dumps(licences, indent=1, sort_keys=True)
    (ROOT / LICENCES).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
