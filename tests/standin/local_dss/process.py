"""The process of a job, and how it starts unless a test asks for something else: as Dataiku starts it, anew."""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, TypeAlias

MODULE = "local_dss.run_component"


@dataclass(frozen=True, slots=True)
class Launch:
    """`environment` is all that the process has."""

    python: Path
    arguments: Sequence[str]
    directory: Path
    environment: Mapping[str, str]


class Process(Protocol):
    """The part of `subprocess.Popen` that a job needs."""

    pid: int
    returncode: int | None
    stdout: IO[str] | None
    stderr: IO[str] | None

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def send_signal(self, sig: int) -> None: ...

    def kill(self) -> None: ...


StartProcess: TypeAlias = Callable[[Launch], Process]


def cold(launch: Launch) -> Process:
    return subprocess.Popen(
        [str(launch.python), "-m", MODULE, *launch.arguments],
        cwd=launch.directory,
        env=launch.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="backslashreplace",
    )
