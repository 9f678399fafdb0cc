"""Download the exact wheels of the plugin's code env, for a Dataiku that reaches no package registry.

`dist/wheels-3.11/` and its like then hold the wheels for Linux x86-64 and the list with their hashes, but not the core
packages, which each version of Dataiku has of its own: docs/admin.md says where they come from.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.lock import PYTHONS, target, wheel_list  # noqa: E402  # needs the path
from scripts.venv import VenvError, venv_python  # noqa: E402  # as above


def download(python: Path, version: str, folder: Path) -> None:
    """Leaves the wheels and `requirements.txt` in `folder`. Raises VenvError."""
    shutil.rmtree(folder, ignore_errors=True)
    options = ["--quiet", "--no-deps", "--require-hashes", *target(version)]
    done = subprocess.run(
        [
            *(str(python), "-m", "pip", "download", *options),
            *("--dest", str(folder), "--requirement", wheel_list(version)),
        ],
        cwd=ROOT,
        check=False,
    )
    if done.returncode != 0:
        raise VenvError(
            f"The wheels for Python {version} did not come; the lines above are pip's own."
        )
    shutil.copyfile(ROOT / wheel_list(version), folder / "requirements.txt")


def main() -> None:
    """Prints where the wheels lie; the arguments are Pythons, none of them is all."""
    try:
        python = venv_python("tools")
        for version in sys.argv[1:] or PYTHONS:
            if version not in PYTHONS:
                sys.exit(f"usage: wheels.py [{' | '.join(PYTHONS)}]…")
            folder = ROOT / f"dist/wheels-{version}"
            download(python, version, folder)
            print(folder)
    except VenvError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
