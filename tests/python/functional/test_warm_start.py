"""A job that starts warm does what a cold one does: the same input, both ways, and everything a process can see."""

import json
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local_dss.job import Job, JobResult
from local_dss.process import StartProcess, cold
from local_flow import Flow

PROBE = """
import asyncio, gc, json, locale, logging, os, random, resource, signal, socket, sys, tempfile, threading, time
import numpy
links = [f"/proc/self/fd/{it}" for it in os.listdir("/proc/self/fd")]
fds = {it: os.readlink(it) for it in links if os.path.exists(it)}
streams = (sys.stdin, sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)
limits = [it for it in dir(resource) if it.startswith("RLIMIT_")]
tasks = [it for it in gc.get_objects() if issubclass(type(it), asyncio.Task)]
print("same", json.dumps({
    "argv": sys.argv, "path": sys.path, "flags": str(sys.flags), "executable": sys.executable, "prefix": sys.prefix,
    "environment": dict(os.environ), "directory": os.getcwd(), "temporary": tempfile.gettempdir(),
    "fds": {name: it.split(":")[0] for name, it in fds.items()},
    "streams": [(it.encoding, it.errors, it.line_buffering, it.write_through, it.name, it.mode) for it in streams],
    "main": sys.modules["__main__"].__spec__.name, "name": __name__,
    "signals": {int(it): str(signal.getsignal(it)) for it in sorted(signal.valid_signals())},
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])), "wakeup": signal.set_wakeup_fd(-1),
    "limits": {it: resource.getrlimit(getattr(resource, it)) for it in limits},
    "threads": threading.active_count(), "session": os.getsid(0), "group": os.getpgrp(), "nice": os.nice(0),
    "locale": locale.setlocale(locale.LC_ALL), "zone": time.tzname, "socket timeout": socket.getdefaulttimeout(),
    "handlers": [str(type(it)) for it in logging.getLogger().handlers], "level": logging.getLogger().level,
    "recursion": sys.getrecursionlimit(), "gc": [gc.isenabled(), *gc.get_threshold(), gc.get_freeze_count()],
    "hooks": [sys.excepthook is sys.__excepthook__, threading.excepthook is threading.__excepthook__],
    "tasks": len(tasks),
    "lone": repr(sys.gettrace()), "umask": os.umask(0o22),
}))
print("fresh", random.random(), numpy.random.random())
print("ours", sorted(it for it in sys.modules if it.startswith(("mesh_prompt_batch", "local_dss", "dataiku."))))
sys.stdout.write("half a line; "); os.write(1, b"unbuffered\\n"); print("\\u00e9\\udc80".encode("utf-8", "replace"))
"""


@pytest.fixture(params=["cold", "warm"])
def start(request: pytest.FixtureRequest, warm: StartProcess) -> StartProcess:
    return {"cold": cold, "warm": warm}[request.param]


def ran(flow: Flow, start: StartProcess, code: str, folder: Path) -> JobResult:
    flow.start_process = start
    return flow.code_recipe(code, folder)


def told(result: JobResult, word: str) -> str:
    assert result.succeeded, result.text
    (line,) = [it for it in result.lines if it.startswith(f"{word} ")]
    return line.removeprefix(f"{word} ")


def test_a_job_sees_the_same_either_way(flow: Flow, warm: StartProcess, tmp_path: Path) -> None:
    results = [ran(flow, it, PROBE, tmp_path) for it in (cold, warm, warm)]
    homes = [
        it.group() for it in (re.search(r"[^\" ]*local-dss-job-\w+", r.text) for r in results) if it
    ]
    seen = [
        json.loads(told(it, "same").replace(home, "HOME"))
        for it, home in zip(results, homes, strict=True)
    ]
    for name, it in seen[0].items():
        assert seen[1][name] == it, name
    assert seen[1] == seen[2]
    assert len({told(it, "ours") for it in results}) == 1
    assert len({told(it, "fresh") for it in results}) == 3
    assert all("half a line; unbuffered" in it.lines for it in results)


def test_the_recipe_says_and_writes_the_same(flow: Flow, warm: StartProcess) -> None:
    flow.ask(*(f"question {n}" for n in range(30)), "")
    found: list[Any] = []
    for it in (cold, warm):
        flow.start_process = it
        result = flow.run({"max_concurrency": 1})
        assert result.succeeded, result.text
        assert result.left_open == []
        assert result.left_files == []
        # Times, sizes and names of runs differ from run to run.
        words = [re.sub(r"\d{8}T\w+-\w+|[\d.,:-]+", "0", line) for line in result.lines]
        rows = [{k: v for k, v in row.items() if not k.endswith("seconds")} for row in flow.answers]
        found.append((words, rows))
    (cold_words, cold_rows), (warm_words, warm_rows) = found
    assert cold_rows == warm_rows
    # What goes to one stream may come before or after what goes to the other.
    assert sorted(cold_words) == sorted(warm_words)


def running(flow: Flow, start: StartProcess) -> Job:
    flow.ask(*(f"question {n}" for n in range(200)))
    flow.mesh.delay_seconds = 0.1
    flow.start_process = start
    job = flow.start({"max_concurrency": 2})
    flow.mesh.wait_for_calls(3)
    assert job.process.poll() is None
    return job


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_reaches_it_and_its_exit_says_so(
    flow: Flow, start: StartProcess, number: signal.Signals
) -> None:
    job = running(flow, start)
    job.send(number)
    result = job.wait()
    killed = number == signal.SIGKILL
    assert result.exit_code == (-signal.SIGKILL if killed else 1)
    assert job.process.poll() == job.process.returncode == result.exit_code
    assert ("SIGTERM" in result.text) != killed
    job.send(number)


def test_a_job_that_hangs_is_killed_when_its_time_is_up(flow: Flow, start: StartProcess) -> None:
    job = running(flow, start)
    with pytest.raises(subprocess.TimeoutExpired):
        job.wait(0.1)
    assert job.process.wait(10.0) == -signal.SIGKILL
    job.directory.cleanup()


@pytest.mark.parametrize(
    ("code", "exit_code", "words"),
    [
        ("raise SystemExit(7)", 7, ""),
        ("import os; os._exit(3)", 3, ""),
        ("raise KeyboardInterrupt", -signal.SIGINT, "KeyboardInterrupt"),
        ("import os; os.abort()", -signal.SIGABRT, ""),
        ("import atexit; atexit.register(print, 'at the end')", 0, "at the end"),
        ("import threading; threading.Timer(0.2, print, ['last']).start()", 0, "last"),
    ],
)
def test_it_ends_as_a_process_ends(
    flow: Flow, start: StartProcess, tmp_path: Path, code: str, exit_code: int, words: str
) -> None:
    result = ran(flow, start, code, tmp_path)
    assert result.exit_code == exit_code
    assert words in result.text


def test_an_environment_of_its_own_makes_a_job_cold(flow: Flow, warm: StartProcess) -> None:
    flow.ask("hello")
    flow.start_process = warm
    job = flow.start(environment={"PYTHONVERBOSE": "1"})
    assert "import 'pandas'" in job.wait().text
