"""The kit for a real DSS, interrupted: nothing is left behind, and a report comes out."""

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dataikuapi.utils import none_if_throws
from kit_runs import KEY, is_empty, kit_process, run

from integration.findings import Check, Finding, Step
from integration.interruption import SIGNALS, Interruption
from integration.job_steps import NOTED
from integration.macro_steps import step
from integration.workspace import Workspace
from local_dss.instance import Instance
from local_dss.llms import LLM_ID
from local_dss.mesh_server import MeshServer
from local_dss.process import Launch, Process, StartProcess

INTERRUPTED = "It was interrupted."


@pytest.fixture
def started(dss: MeshServer, archive: Path, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    given = {"DSS_URL": dss.front, "DSS_API_KEY": KEY, "LLM_ID": LLM_ID}
    with kit_process(archive, tmp_path, **given) as process:
        yield process


def heard(process: "subprocess.Popen[str]", line: str) -> None:
    assert process.stdout is not None
    for it in process.stdout:
        if it.startswith(line):
            return
    raise AssertionError(f"{line} was never said")


def rest_of(process: "subprocess.Popen[str]") -> str:
    """A run that was interrupted ends with 1."""
    assert process.stdout is not None
    rest = process.stdout.read()
    assert process.wait(60) == 1
    return rest


@pytest.mark.parametrize("number", SIGNALS)
def test_who_interrupts_it_even_twice_finds_nothing_left_and_a_report(
    instance: Instance,
    started: "subprocess.Popen[str]",
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    heard(started, "The input")
    assert instance.plugins
    assert instance.projects
    started.send_signal(number)
    heard(started, "removing")
    started.send_signal(number)
    rest = rest_of(started)
    assert is_empty(instance)
    assert INTERRUPTED in rest
    assert KEY not in rest
    page = (tmp_path / "integration-report.md").read_text()
    assert "not answered" in page


def test_a_code_env_that_is_being_built_is_no_longer_and_is_removed(
    instance: Instance, started: "subprocess.Popen[str]"
) -> None:
    instance.builds_end = False
    heard(started, "building the code env")
    while not instance.env_builds:
        time.sleep(0.01)
    started.send_signal(signal.SIGINT)
    assert INTERRUPTED in rest_of(started)
    assert is_empty(instance)


@pytest.fixture
def interruption() -> Iterator[Interruption]:
    """Listens to the signals of this process until the test ends."""
    before = [signal.getsignal(it) for it in SIGNALS]
    made = Interruption()
    made.listen()
    yield made
    for number, handler in zip(SIGNALS, before, strict=True):
        signal.signal(number, handler)


def a_job(work: Workspace) -> Iterator[Finding]:
    folder = work.folder("kit_abort")
    work.code_recipe("kit_waiting", ["waiting"], [folder], folder=folder, noted=NOTED)
    yield Check("It ended", passed=work.build(folder).state == "DONE")


def a_macro(work: Workspace) -> Iterator[Finding]:
    yield Check("It ended", passed=bool(work.macro("list-llms", {"check_availability": True})))


def a_scenario(work: Workspace) -> Iterator[Finding]:
    script = {"script": "import time\ntime.sleep(100)"}
    ended = work.scenario("kit_slow", [step("custom_python", "Wait", script)])
    yield Check("It ended", passed=ended.outcome == "SUCCESS")


class Interrupting:
    """Starts processes; before DSS has answered to who asked for one, a signal has come."""

    def __init__(self, start: StartProcess, interruption: Interruption) -> None:
        self.processes: list[Process] = []
        self._start, self._interruption = start, interruption

    def __call__(self, launch: Launch) -> Process:
        self.processes.append(self._start(launch))
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, signal.SIGTERM)
        while not self._interruption._came:
            time.sleep(0.01)
        return self.processes[-1]


@pytest.mark.parametrize("run_one", [a_job, a_macro, a_scenario])
def test_what_starts_while_a_signal_comes_is_aborted(
    instance: Instance,
    dss: MeshServer,
    archive: Path,
    interruption: Interruption,
    run_one: Callable[[Workspace], Iterator[Finding]],
) -> None:
    dss.delay_seconds = 60.0
    start = instance.start_process = Interrupting(instance.start_process, interruption)
    report = run(dss, archive, Step("Slow", run_one), interruption=interruption)
    assert report.stopped == INTERRUPTED
    assert not report.findings
    assert not report.left
    assert is_empty(instance)
    assert [it.poll() is not None for it in start.processes] == [True]


def swallowed(work: Workspace) -> Iterator[Finding]:
    """By the client's own `except`, as by a finalizer."""
    none_if_throws(signal.raise_signal)(signal.SIGTERM)
    yield Check("Swallowed", passed=True)
    yield Check("It went on", passed=True)


def swallowed_before_a_call(work: Workspace) -> Iterator[Finding]:
    none_if_throws(signal.raise_signal)(signal.SIGTERM)
    work.client.list_project_keys()
    yield Check("It went on", passed=True)


@pytest.mark.parametrize("run_one", [swallowed, swallowed_before_a_call])
def test_a_signal_counts_where_what_it_raises_is_swallowed(
    instance: Instance,
    dss: MeshServer,
    archive: Path,
    interruption: Interruption,
    run_one: Callable[[Workspace], Iterator[Finding]],
) -> None:
    report = run(dss, archive, Step("Swallowed", run_one), interruption=interruption)
    assert report.stopped == INTERRUPTED
    assert "It went on" not in {it.name for it in report.checks}
    assert is_empty(instance)
