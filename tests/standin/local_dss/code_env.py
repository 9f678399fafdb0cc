"""The plugin as DSS has it: unpacked from its zip, beside an interpreter with its code env and DSS's own packages."""

import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Plugin:
    """`python` runs what lies in `folder`."""

    folder: Path
    python: Path

    @property
    def recipe(self) -> Path:
        return self.folder / "custom-recipes/mesh-prompt-batch/recipe.py"

    def macro(self, name: str) -> Path:
        return self.folder / "python-runnables" / name / "runnable.py"

    @property
    def library(self) -> Path:
        return self.folder / "python-lib"


def dss_python() -> Path:
    """That of JOB_PYTHON, else made on first use by scripts/venv.py, with the Python that runs this."""
    if "JOB_PYTHON" in os.environ:
        return Path(os.environ["JOB_PYTHON"])
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/venv.py"), "dss"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return Path(done.stdout.strip())


def installed_plugin(folder: Path) -> Plugin:
    """Build the zip and unpack it into `folder`."""
    built = subprocess.run(
        [sys.executable, str(ROOT / "scripts/build_plugin.py"), "--folder", str(folder / "dist")],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    plugin = folder / "mesh-prompt-batch"
    with zipfile.ZipFile(built.stdout.strip()) as archive:
        archive.extractall(plugin)
    return Plugin(plugin, dss_python())
