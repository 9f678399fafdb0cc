"""Try the plugin with every Python, pandas and openai that it may meet, and write docs/compatibility.md.

A cell is an environment as DSS would build it: the code env's requirements, and core packages of one generation of
pandas. The tests run in it, and so do the jobs that they start; what tests alone need is looked up behind it. Cells
that are not tried again keep the result that docs/compatibility.json has.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.compatibility_page import in_readme, page  # noqa: E402  # needs the path

RESULTS = ROOT / "docs/compatibility.json"
PAGE = ROOT / "docs/compatibility.md"
README = ROOT / "README.md"
CODE_ENV = "code-env/python/spec/requirements.txt"
CORE = "requirements/dss-core.in"
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
PANDAS = ("1.5", "2.0", "2.2", "2.3", "3")
OPENAI = ("lowest", "highest")
# These were built for numpy 1, and do not say so.
NUMPY_1 = ("1.5", "2.0")
# dataiku-api-client has no wheel; it is plain Python.
WHEELS = ("--only-binary=:all:", "--no-binary=dataiku-api-client")
SHOWN = ("pandas", "numpy", "openai", "aiohttp")
VERSIONS = f"""
import importlib.metadata as found, json, platform
told = {{name: found.version(name) for name in {SHOWN}}}
print(json.dumps({{"python": platform.python_version(), **told}}))
"""
# Tests' own packages come last: what is in the cell wins.
PYTEST = "import sys; sys.path.append(sys.argv.pop(1)); import pytest; sys.exit(pytest.main(sys.argv[1:]))"
SITE_PACKAGES = "import sysconfig; print(sysconfig.get_path('purelib'))"
# With --few-units: tests of the modules that meet other packages, and of the stand-in's `dataiku`, which meets pandas.
FEW_UNITS = (
    *(
        "mesh",
        "mesh_calls",
        "refused_parameters",
        "openai_environment",
        "trusted_addresses",
        "client",
        "streaming",
        "dss",
        "dss_tables",
        "dss_recipes",
        "dss_credentials",
    ),
    *("price_list", "json_schema", "answering"),
)
STANDIN = tuple(
    f"tests/python/contract/test_standin_{it}.py" for it in ("datasets", "jobs", "mesh")
)
# In every cell: tests that ask most of pandas and of openai.
ALWAYS = ("test_cells.py", "test_streaming.py")


class Cell(NamedTuple):
    """One combination."""

    python: str
    pandas: str
    openai: str

    def __str__(self) -> str:
        return f"Python {self.python}, pandas {self.pandas}, openai {self.openai}"

    def requirements(self) -> list[str]:
        text = (ROOT / CODE_ENV).read_text(encoding="utf-8")
        bounds = re.search(r"^(openai\S*?)>=([\d.]+),<", text, re.MULTILINE)
        if bounds is None:
            raise ValueError(f"{CODE_ENV} does not bound openai from below.")
        lowest = f"{bounds[1]}=={bounds[2]}.*"
        numpy = ["numpy<2"] if self.pandas in NUMPY_1 else []
        return [f"pandas=={self.pandas}.*", *numpy, *([lowest] if self.openai == "lowest" else [])]


def interpreter(version: str) -> str | None:
    """A Python of that version that runs."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for candidate in (f"python{version}", *map(str, root.glob(f"{version}.*/bin/python"))):
        code = f"import sys, ensurepip; sys.exit(not sys.version.startswith('{version}.'))"
        found = shutil.which(candidate)
        if (
            found
            and subprocess.run([found, "-c", code], capture_output=True, check=False).returncode
            == 0
        ):
            return found
    return None


def built(cell: Cell, python: str) -> Path | str:
    """The cell's interpreter, or why there is none."""
    home = ROOT / ".venv" / f"matrix-{cell.python}-pandas-{cell.pandas}-openai-{cell.openai}"
    subprocess.run([python, "-m", "venv", "--clear", str(home)], check=True)
    inside = home / "bin/python"
    pip = [str(inside), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    wanted = ["-r", CODE_ENV, "-r", CORE, *cell.requirements()]
    done = subprocess.run(
        [*pip, *WHEELS, *wanted], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return inside
    if f"No matching distribution found for pandas=={cell.pandas}.*" in done.stderr:
        return f"pandas {cell.pandas} has no wheel for Python {cell.python}"
    sys.stderr.write(done.stderr)
    return "the packages do not install together"


def tested(inside: Path, tools: Path, asked: argparse.Namespace, share: str) -> dict[str, Any]:
    """What pytest counted."""
    report = inside.parents[1] / "report.xml"
    report.unlink(missing_ok=True)
    options = ["-q", "-n", "2", "--dist", "loadgroup", f"--junitxml={report}"]
    # What is found out here is what that file looks at.
    places = ["tests/python", "--ignore", "tests/python/contract/test_compatibility.py"]
    if asked.few_units:
        units = [f"tests/python/unit/test_{it}.py" for it in FEW_UNITS]
        places = [*units, *STANDIN, "tests/python/functional"]
    chosen = ["-m", "not embedded and not browser and not spark", *places]
    few = {
        "SHARE": share,
        "ALWAYS": ",".join(ALWAYS),
        "KILLS": "1",
        "FAULTS": "1",
        "EXAMPLES": "25",
    }
    subprocess.run(
        [str(inside), "-c", PYTEST, str(tools), *options, *chosen],
        cwd=ROOT,
        env={**os.environ, **few, "JOB_PYTHON": str(inside)},
        check=False,
    )
    cases = list(ET.parse(report).iter("testcase"))  # noqa: S314  # our own
    bad = [it for it in cases if it.find("failure") is not None or it.find("error") is not None]
    skipped = sum(it.find("skipped") is not None for it in cases)
    jobs = sum(".functional." in f".{it.get('classname')}." for it in cases)
    failed = {f"{it.get('classname')}::{it.get('name')}" for it in bad}
    return {
        "passed": len(cases) - len(bad) - skipped,
        "job_tests": jobs,
        "few_units": asked.few_units,
        "skipped": skipped,
        # A combination in which nothing ran has not passed.
        "failed": sorted(
            failed or ({"every test that starts a job: none ran"} if not jobs else ())
        ),
    }


def tried(cell: Cell, asked: argparse.Namespace, share: str) -> dict[str, Any]:
    """What is written down of a cell."""
    python = interpreter(cell.python)
    inside = built(cell, python) if python else f"Python {cell.python} is not on this machine"
    if isinstance(inside, str) or python is None:
        return {"gap": inside}
    dev = _output(python, "scripts/venv.py", "dev")
    tools = Path(_output(dev, "-c", SITE_PACKAGES))
    versions = json.loads(_output(str(inside), "-c", VERSIONS))
    commit = _output("git", "log", "-1", "--format=%h of %as")
    return {"versions": versions, "commit": commit, **tested(inside, tools, asked, share)}


def _output(*command: str) -> str:
    return subprocess.check_output(command, cwd=ROOT, text=True).strip()


def written(cell: Cell, found: dict[str, Any]) -> None:
    """Beside what is known of the others, whoever else writes meanwhile."""
    known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    known[str(cell)] = found
    RESULTS.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    PAGE.write_text(page(known, PYTHONS, PANDAS, OPENAI), encoding="utf-8")
    readme = README.read_text(encoding="utf-8")
    README.write_text(in_readme(readme, known, PYTHONS, PANDAS, OPENAI), encoding="utf-8")


def arguments() -> argparse.Namespace:
    """Which combinations, and how much of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, known in (("python", PYTHONS), ("pandas", PANDAS), ("openai", OPENAI)):
        parser.add_argument(f"--{name}", nargs="+", choices=known, default=known)
    parser.add_argument(
        "--shares", type=int, default=6, help="run one of so many parts of the job tests"
    )
    parser.add_argument(
        "--few-units", action="store_true", help="no unit tests of what meets no other package"
    )
    return parser.parse_args()


def main() -> int:
    """Tries the cells that are asked for; fails where a test did."""
    asked, failed = arguments(), False
    for at, cell in enumerate(itertools.starmap(Cell, itertools.product(PYTHONS, PANDAS, OPENAI))):
        if (
            cell.python in asked.python
            and cell.pandas in asked.pandas
            and cell.openai in asked.openai
        ):
            found = tried(cell, asked, f"{at % asked.shares + 1}/{asked.shares}")
            written(cell, found)
            failed = failed or bool(found.get("failed"))
            print(f"{cell}: {found}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
