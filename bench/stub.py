"""Compiles, starts and questions the stub server."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

from bench.workload import LLM_ID, PROJECT_KEY

HERE = Path(__file__).resolve().parent
PROGRAM = HERE / "build" / "stub"


class BenchError(Exception):
    """The benchmark, or a contender in it, cannot run; the message says why."""


@dataclass(frozen=True, slots=True)
class StubStats:
    """What the server saw of the rows; moments are those of `time.monotonic()`."""

    requests: int
    answered: int
    max_in_flight: int
    connections: int
    first_request: float
    last_answer: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Stub:
    """A running server; `host` as DSS has it, `base_url` as openai's clients want it."""

    host: str

    @property
    def base_url(self) -> str:
        return f"{self.host}/dip/publicapi/projects/{PROJECT_KEY}/llms/openai/v1/"

    def stats(self) -> StubStats:
        with build_opener(ProxyHandler({})).open(f"{self.host}/stats", timeout=10) as answer:
            stats: dict[str, Any] = json.load(answer)
        return StubStats(**stats)


def compile_stub() -> None:
    """Raises BenchError where it cannot be done."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise BenchError("The benchmark's server is written in C: install a compiler (gcc, clang).")
    PROGRAM.parent.mkdir(exist_ok=True)
    command = [compiler, "-O2", "-Wall", "-o", str(PROGRAM), str(HERE / "stub.c")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError(f"The benchmark's server, which needs Linux, failed:\n{done.stderr}")


@contextmanager
def running_stub(latency_ms: int, *, hang_every: int = 0) -> Iterator[Stub]:
    """`hang_every`: so many requests get one that is never answered; 0: all are."""
    command = [str(PROGRAM), str(latency_ms), LLM_ID, str(hang_every)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = process.stdout.readline().strip() if process.stdout else ""
            if not port:
                raise BenchError("The benchmark's server did not start.")
            yield Stub(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
