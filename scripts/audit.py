"""Ask an advisory service about every version whose hash is listed: of the code env and of our own environments.

Exit code 0: nothing is known, or only what `requirements/advisories.json` gives a reason for; 1: something is; 3: no
service can be asked from here, so nothing is known at all.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.lock import PYTHONS, wheel_list  # noqa: E402  # needs the path
from scripts.venv import INSTALLS, VenvError, venv_python  # noqa: E402  # as above

if TYPE_CHECKING:
    from collections.abc import Iterable

EXPLAINED = ROOT / "requirements/advisories.json"
SERVICES = ("osv", "pypi")
CLEAN, VULNERABLE, FAILED, NOT_ASKED = 0, 1, 2, 3
_PIN = re.compile(r"^([\w.-]+)==([\w.!+-]+)", re.MULTILINE)


def pins() -> set[tuple[str, str]]:
    """Names and versions, for every Python and platform."""
    hashed = [options for options in INSTALLS.values() if "--require-hashes" in options]
    files = [options[-1] for options in hashed] + [*map(wheel_list, PYTHONS)]
    return {pin for file in files for pin in _PIN.findall((ROOT / file).read_text("utf-8"))}


def lists_of(found: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """Each with one version a name, as pip-audit wants it."""
    lists: list[dict[str, str]] = []
    for name, version in sorted(found):
        fitting = next((it for it in lists if name not in it), None)
        if fitting is None:
            lists.append(fitting := {})
        fitting[name] = version
    return lists


def verdict(
    reports: list[list[dict[str, Any]]], explained: dict[str, str]
) -> tuple[int, list[str]]:
    """Exit code and lines; `reports` hold pip-audit's dependencies."""
    lines, met = [], set[str]()
    for package in (it for report in reports for it in report):
        for advisory in package["vulns"]:
            ids = {advisory["id"], *advisory.get("aliases", ())}
            known = ids & explained.keys()
            met |= known
            if not known:
                fixed = ", ".join(advisory.get("fix_versions", ())) or "no version yet"
                lines.append(
                    f"{package['name']} {package['version']}: {advisory['id']}, mended in {fixed}."
                )
    lines += [
        f"{it} is explained, but no longer found: remove it." for it in explained.keys() - met
    ]
    return (VULNERABLE if lines else CLEAN), sorted(lines)


def _reports(python: Path, service: str) -> list[list[dict[str, Any]]] | None:
    """None where the service does not know every package: it cannot be reached, or something else answers."""
    reports = []
    for versions in lists_of(pins()):
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("".join(f"{name}=={version}\n" for name, version in versions.items()))
            file.flush()
            options = ["--service", service, "--no-deps", "--disable-pip", "--format", "json"]
            done = subprocess.run(
                [str(python.parent / "pip-audit"), *options, "--requirement", file.name],
                capture_output=True,
                text=True,
                check=False,
            )
        try:
            report = json.loads(done.stdout)["dependencies"]
        except ValueError:
            return None
        if any("vulns" not in it for it in report):
            return None
        reports.append(report)
    return reports


def main() -> None:
    """Prints what is known, or why nothing is."""
    try:
        python = venv_python("tools")
    except VenvError as error:
        print(error, file=sys.stderr)
        sys.exit(FAILED)
    for service in SERVICES:
        reports = _reports(python, service)
        if reports is not None:
            code, lines = verdict(reports, json.loads(EXPLAINED.read_text("utf-8")))
            asked = f"{len(pins())} versions asked of {service}"
            print("\n".join([*lines, f"{asked}: {'clean' if code == CLEAN else 'not clean'}."]))
            sys.exit(code)
    print(
        "No advisory service can be asked from here, so nothing is known: run this where one can."
    )
    sys.exit(NOT_ASKED)


if __name__ == "__main__":
    main()
