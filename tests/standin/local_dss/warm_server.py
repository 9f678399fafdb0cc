"""The process that warm jobs are forked from: it has imported other people's packages, and nothing of ours.

A script under a job's interpreter, for as long as warm_start.py holds the other end of the socket whose descriptor is
the first argument; the second is the module that jobs run. A message on that socket is one job, as JSON, with four
descriptors: standard input, output and error, and a socket that is told the job's process id and, when it has ended,
its exit code.
"""

import contextlib
import json
import os
import runpy
import selectors
import socket
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MESSAGE_BYTES, DESCRIPTORS = 1 << 20, 4


def import_packages() -> None:
    """The code env's and DSS's own, with what openai puts off until its first call, here to a port that is closed."""
    import dataikuapi  # noqa: F401, PLC0415
    import genai_prices.data  # noqa: F401, PLC0415
    import jsonschema  # noqa: F401, PLC0415
    import openai  # noqa: PLC0415
    import pandas as pd  # noqa: F401, PLC0415

    with (
        openai.OpenAI(base_url="http://127.0.0.1:9", api_key="none", max_retries=0) as client,
        contextlib.suppress(openai.APIConnectionError),
    ):
        client.post("/chat/completions", body={}, cast_to=object)


class Server:
    """Tells of each job how it ended."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._selector = selectors.PollSelector()
        self._selector.register(control, selectors.EVENT_READ)
        # By the descriptor of the process.
        self._running: dict[int, tuple[int, socket.socket]] = {}

    def next_job(self) -> tuple[Mapping[str, Any], list[int]] | None:
        """Returns in a new process, with its job and descriptors; None in this one, when no more jobs will come."""
        while True:
            for key, _ in self._selector.select():
                if key.fd in self._running:
                    self._report(key.fd)
                    continue
                message, descriptors, _flags, _address = socket.recv_fds(
                    self._control, MESSAGE_BYTES, DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
                )
                if not message:
                    return None
                child = os.fork()
                if not child:
                    self._forget()
                    return json.loads(message), descriptors
                self._watch(child, descriptors)

    def _watch(self, child: int, descriptors: list[int]) -> None:
        for descriptor in descriptors[:3]:
            os.close(descriptor)
        tells = socket.socket(fileno=descriptors[3])
        with contextlib.suppress(BrokenPipeError):
            tells.sendall(b"%d\n" % child)
        process = os.pidfd_open(child)
        self._running[process] = (child, tells)
        self._selector.register(process, selectors.EVENT_READ)

    def _report(self, process: int) -> None:
        child, tells = self._running.pop(process)
        self._selector.unregister(process)
        os.close(process)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        with tells, contextlib.suppress(BrokenPipeError):
            tells.sendall(b"%d\n" % code)

    def _forget(self) -> None:
        """What a new process has of this one."""
        self._control.close()
        self._selector.close()
        for process, (_child, tells) in self._running.items():
            os.close(process)
            tells.close()


def become(job: Mapping[str, Any], descriptors: list[int]) -> None:
    """What an interpreter does before it runs a module."""
    for number, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, number)
    for descriptor in descriptors:
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(job["environment"])
    os.chdir(job["directory"])
    # The first is the directory of this file.
    del sys.path[0]
    sys.path[:0] = [job["directory"], *job["environment"]["PYTHONPATH"].split(os.pathsep)]
    sys.argv[1:] = job["arguments"]
    tempfile.tempdir = None
    sys.modules["numpy"].random.seed()


def main() -> None:
    import_packages()
    threads = len([*Path("/proc/self/task").iterdir()])
    if threads > 1:
        sys.exit(f"{threads} threads run after the imports: a process with threads is not forked.")
    _, descriptor, module = sys.argv
    job = Server(socket.socket(fileno=int(descriptor))).next_job()
    if job is not None:
        become(*job)
        runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
