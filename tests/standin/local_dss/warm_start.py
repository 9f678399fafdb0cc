"""Jobs that start warm: children of a process that has imported other people's packages, which is most of a job's CPU.

A test asks for it; a job starts cold otherwise. What differs from a cold start, and no more than that:

- Packages that are not ours are imported already, in warm_server.py's order and whether the job needs them or not. So a
  requirement that is missing, an import that must come late and its side effects are seen by cold jobs alone.
- All jobs of a session share the seed of `hash`; `random` and numpy draw afresh.
- `sys.orig_argv` and the command line that the system shows are the server's. A traceback that reaches the interpreter
  itself has other frames at its top, and numpy's linear algebra has one thread.

The plugin and the stand-in are imported by each job. Environment, arguments, `sys.path`, directory, descriptors,
standard streams, signals, limits and exit are those of a cold job: tests/python/functional/test_warm_start.py compares.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from local_dss.job_description import VARIABLE
from local_dss.process import MODULE, Launch

SERVER = Path(__file__).with_name("warm_server.py")
# What differs from job to job; the rest, which an import may have read, has to be the same for all.
OF_A_JOB = ("PYTHONPATH", "TMPDIR", VARIABLE)
# OpenBLAS starts its threads when it is loaded, and a process with threads cannot be forked.
SINGLE_THREADED = {"OPENBLAS_NUM_THREADS": "1"}


def is_possible() -> bool:
    """Where the system can tell a process of the end of another: Linux."""
    return hasattr(os, "pidfd_open")


class WarmStart:
    """A `StartProcess`; its server starts with the first job and ends by `close`."""

    def __init__(self) -> None:
        self._control: socket.socket | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        if self._control is not None:
            self._control.close()
            self._server.wait()

    def __call__(self, launch: Launch) -> "WarmProcess":
        with self._lock:
            return WarmProcess(self._server_for(launch), launch)

    def _server_for(self, launch: Launch) -> socket.socket:
        common = {name: it for name, it in launch.environment.items() if name not in OF_A_JOB}
        if self._control is None:
            self._serves = (launch.python, common)
            self._control = self._started(launch.python, common)
        if self._serves != (launch.python, common):
            raise ValueError("Another interpreter or environment than the first job's: start cold.")
        return self._control

    def _started(self, python: Path, environment: Mapping[str, str]) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._server = subprocess.Popen(
                [str(python), str(SERVER), str(theirs.fileno()), MODULE],
                env={**environment, **SINGLE_THREADED},
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        return ours


class WarmProcess:
    """A `Process` whose parent is the server, which tells of its end."""

    returncode: int | None = None
    stdout: IO[str] | None
    stderr: IO[str] | None

    def __init__(self, control: socket.socket, launch: Launch) -> None:
        message = {
            "arguments": launch.arguments,
            "directory": str(launch.directory),
            "environment": dict(launch.environment),
        }
        told, tells = socket.socketpair()
        (read_out, write_out), (read_err, write_err) = os.pipe(), os.pipe()
        descriptors = [0, write_out, write_err, tells.fileno()]
        with tells, os.fdopen(write_out, "wb"), os.fdopen(write_err, "wb"):
            socket.send_fds(control, [json.dumps(message).encode()], descriptors)
        self.stdout, self.stderr = (
            os.fdopen(it, encoding="utf-8", errors="backslashreplace")
            for it in (read_out, read_err)
        )
        with told:
            self._told = told.makefile()
        self._ended = threading.Event()
        self.pid = int(self._told.readline())
        threading.Thread(target=self._listen, name=f"warm-{self.pid}").start()

    def poll(self) -> int | None:
        if self._ended.is_set() and self.returncode is None:
            raise RuntimeError(
                "The server of warm jobs is gone, and nobody knows how this one ended."
            )
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired(f"job {self.pid}", timeout or 0.0)
        code = self.poll()
        assert code is not None
        return code

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, sig)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _listen(self) -> None:
        with self._told as told:
            code = told.readline()
        self.returncode = int(code) if code else None
        self._ended.set()
