"""Runs a component of the plugin as a DSS job: a process of its own, its log as the job page shows it, its banner."""

import json
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from local_dss.code_env import Plugin
from local_dss.job_description import VARIABLE, JobDescription
from local_dss.process import Launch, Process, StartProcess, cold

STANDIN = Path(__file__).resolve().parent.parent
# No DKU_* variable: containers have none.
_INHERITED = ("PATH", "LANG", "SYSTEMROOT")


@dataclass(frozen=True, slots=True)
class JobResult:
    """`log`: lines as DSS shows them; `lines`: as the process wrote them; `banner`: blank when it succeeded.

    `left_open`: what the component did not close, see local_dss/leftovers.py; nothing where it was killed.
    `left_files`: in its working directory and the one for temporary files.
    """

    exit_code: int
    lines: list[str]
    log: list[str]
    banner: str
    result: Any
    left_open: list[str] = field(default_factory=list)
    left_files: list[str] = field(default_factory=list)

    @property
    def succeeded(self) -> bool:
        return self.exit_code == 0

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@dataclass
class Job:
    """A running job."""

    process: Process
    directory: tempfile.TemporaryDirectory[str]
    on_line: Callable[[str], None]
    lines: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._arrived = threading.Condition()
        streams = ((self.process.stdout, "null-out"), (self.process.stderr, "null-err"))
        self._readers = [threading.Thread(target=self._read, args=it) for it in streams]
        for reader in self._readers:
            reader.start()

    def wait_for(self, text: str, timeout: float = 60.0) -> None:
        """Until the process has written a line with `text`. Raises TimeoutError."""
        with self._arrived:
            found = self._arrived.wait_for(lambda: any(text in it for it in self.lines), timeout)
        if not found:
            raise TimeoutError(f"no line with {text!r} came")

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, timeout: float = 110.0) -> JobResult:
        """To its end; a job that hangs is killed and raises subprocess.TimeoutExpired."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            for reader in self._readers:
                reader.join()
        with self.directory as name:
            home = Path(name)
            ended, left_open = (_json(home / it) for it in ("ending.json", "left_open.json"))
            files = [it for place in ("cwd", "tmp") for it in (home / place).rglob("*")]
            left_files = sorted(str(it.relative_to(home)) for it in files if it.is_file())
        banner = ended.get("error") or (f"process died (exit code {code})" if code else "")
        return JobResult(
            code,
            self.lines,
            self.log,
            banner,
            ended.get("result"),
            list(left_open.get("left", ())),
            left_files,
        )

    def _read(self, stream: IO[str], name: str) -> None:
        for line in stream:
            text = line.rstrip("\n")
            now = datetime.now().astimezone().strftime("%Y/%m/%d-%H:%M:%S.%f")[:-3]
            with self._arrived:
                self.lines.append(text)
                self.log.append(f"[{now}] [{name}-{self.process.pid}] [INFO] [dku.utils]  - {text}")
                self._arrived.notify_all()
            self.on_line(text)
        stream.close()


def start(
    plugin: Plugin,
    component: Path,
    description: JobDescription,
    *,
    environment: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] = lambda _line: None,
    start_process: StartProcess = cold,
) -> Job:
    """`environment` is added to the little that a job's process inherits; such a job starts cold.

    A component that does not lie in the plugin is a code recipe: it finds the plugin's library by
    `dataiku.use_plugin_libs` alone.
    """
    directory = tempfile.TemporaryDirectory(prefix="local-dss-job-")
    home = Path(directory.name)
    libraries = {"mesh-prompt-batch": str(plugin.library)}
    replace(description, plugin_libraries=libraries).save(home / "job.json")
    working, temporary = home / "cwd", home / "tmp"
    for folder in (working, temporary):
        folder.mkdir()
    own = [str(plugin.library)] if component.is_relative_to(plugin.folder) else []
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    given = {
        **inherited,
        "PYTHONPATH": os.pathsep.join((*own, str(STANDIN))),
        "TMPDIR": str(temporary),
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
        VARIABLE: str(home / "job.json"),
        **(environment or {}),
    }
    launch = Launch(plugin.python, (str(component), str(home / "ending.json")), working, given)
    return Job((cold if environment else start_process)(launch), directory, on_line)


def run(
    plugin: Plugin,
    component: Path,
    description: JobDescription,
    environment: Mapping[str, str] | None = None,
    start_process: StartProcess = cold,
) -> JobResult:
    """Start it and wait for its end."""
    options: dict[str, Any] = {"environment": environment, "start_process": start_process}
    return start(plugin, component, description, **options).wait()


def _json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.exists() else {}
