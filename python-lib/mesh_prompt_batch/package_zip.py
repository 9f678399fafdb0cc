"""The package as a zip that Python can import from, as Spark's executors want it."""

import zipfile
from pathlib import Path

NAME = "mesh_prompt_batch.zip"


def zipped_package(folder: Path) -> Path:
    """Writes it into `folder`."""
    package = Path(__file__).parent
    target = folder / NAME
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(package.rglob("*.py")):
            archive.write(path, path.relative_to(package.parent))
    return target
