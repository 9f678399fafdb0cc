"""Build the plugin's zip: what DSS needs and nothing else, the same bytes from the same sources."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts import bill_of_materials  # noqa: E402  # needs the path
from scripts.travelling_pages import travelling  # noqa: E402  # as above

# An allow-list: what is not named here does not travel.
SHIPPED = (
    "plugin.json",
    "LICENSE",
    "README.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "docs/*.md",
    "requirements/code-env-*.txt",  # what an admin without a registry needs
    "code-env/python/desc.json",
    "code-env/python/spec/requirements.txt",
    "custom-recipes/*/recipe.json",
    "custom-recipes/*/recipe.py",
    "python-runnables/*/runnable.json",
    "python-runnables/*/runnable.py",
    "python-lib/mesh_prompt_batch/**/*.py",
    "resource/*.py",
)
# The oldest date that a zip can hold: the time of the build says nothing.
EPOCH = (1980, 1, 1, 0, 0, 0)
READABLE = 0o644 << 16
UNIX = 3


class UntrackedError(Exception):
    """Something would travel that nobody has looked at; the message names it."""


def shipped_files() -> list[Path]:
    """Paths relative to the root, in the order of the zip."""
    found = {path for pattern in SHIPPED for path in ROOT.glob(pattern)}
    return sorted((path.relative_to(ROOT) for path in found), key=Path.as_posix)


def build(folder: Path) -> Path:
    """The only zip in `folder` afterwards, with its bill of materials beside it.

    Raises UntrackedError where git does not know a file that it would hold.
    """
    plugin = json.loads((ROOT / "plugin.json").read_text(encoding="utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    for old in (*folder.glob("*.zip"), *folder.glob("*.cdx.json")):
        old.unlink()
    target = folder / f"dss-plugin-{plugin['id']}-{plugin['version']}.zip"
    shipped = shipped_files()
    _check_tracked(shipped)
    with zipfile.ZipFile(target, "w") as archive:
        for path in shipped:
            entry = zipfile.ZipInfo(path.as_posix(), EPOCH)
            # Packed bytes differ from one version of the packer to the next.
            entry.compress_type = zipfile.ZIP_STORED
            entry.external_attr, entry.create_system = READABLE, UNIX
            archive.writestr(entry, _content(path, shipped))
    bill_of_materials.write(target)
    return target


def _check_tracked(shipped: list[Path]) -> None:
    """A tree that is not git's own is taken as it is."""
    if _from_git("rev-parse", "--show-prefix") != "\n":
        return
    tracked = {*_from_git("ls-files", "-z").split("\0")}
    unknown = [path.as_posix() for path in shipped if path.as_posix() not in tracked]
    if unknown:
        raise UntrackedError(
            f"Git does not know {', '.join(unknown)}, which would be in the zip: add it, or take it away."
        )


def _from_git(*command: str) -> str:
    """Empty where there is no git, or no repository of its."""
    git = shutil.which("git")
    if git is None:
        return ""
    done = subprocess.run(
        [git, *command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        check=False,
    )
    return done.stdout


def _content(path: Path, shipped: list[Path]) -> bytes:
    content = (ROOT / path).read_bytes()
    if path.suffix != ".md":
        return content
    return travelling(content.decode(), path, shipped).encode()


def main() -> None:
    """Prints where the zip lies; an error is one sentence and exit code 2."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "dist")
    try:
        print(build(parser.parse_args().folder))
    except UntrackedError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
