"""What Spark's executors need: the package alone as a zip, or with all that it imports as an archive.

The zip goes into `spark.submit.pyFiles` where the executors have the packages of the code env. The archive is for those
that have nothing: `spark.archives=spark-packages.tar.gz#packages` and `spark.executorEnv.PYTHONPATH=./packages`. It has
to be built by the Python version, and on the kind of machine, that the executors have.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = ROOT / "python-lib"
sys.path.insert(0, str(LIBRARY))

from mesh_prompt_batch.package_zip import zipped_package  # noqa: E402  # needs the path

CODE_ENV = ROOT / "code-env/python/spec/requirements.txt"
# The managed folder's client, and what it imports without saying so.
BESIDE = ("dataiku-api-client", "six")
ARCHIVE = "spark-packages.tar.gz"


def build_archive(folder: Path, python: str) -> Path:
    """The package and everything it imports but Spark itself, as `python` installs it."""
    target = folder / ARCHIVE
    with tempfile.TemporaryDirectory() as packages:
        command = [python, "-m", "pip", "install", "--quiet", "--target", packages]
        subprocess.run([*command, "-r", str(CODE_ENV), *BESIDE], check=True)
        for path in LIBRARY.glob("mesh_prompt_batch/**/*.py"):
            copy = Path(packages) / path.relative_to(LIBRARY)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
        with tarfile.open(target, "w:gz") as archive:
            archive.add(packages, ".")
    return target


def main() -> None:
    """Prints where they lie."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "dist")
    parser.add_argument("--python", default=sys.executable, help="of the executors' version")
    parser.add_argument("--zip-only", action="store_true", help="without the packages it imports")
    told = parser.parse_args()
    told.folder.mkdir(parents=True, exist_ok=True)
    print(zipped_package(told.folder))
    if not told.zip_only:
        print(build_archive(told.folder, told.python))


if __name__ == "__main__":
    main()
