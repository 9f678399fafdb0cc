"""A Spark cluster on this machine: two executors, each a process of its own, and the driver that commands them."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.venv import venv_python

HERE = Path(__file__).parent
LIBRARY = HERE.parents[1] / "python-lib"
EXECUTORS = 2
EXECUTOR_CLASS = "CoarseGrainedExecutorBackend"


def why_there_is_none() -> str:
    """In one sentence; "" where Spark can run."""
    java = shutil.which("java")
    if java is None:
        return "Spark needs Java 17, and there is no java on the path."
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    major = told.partition('version "')[2].partition(".")[0]
    if major not in ("17", "21"):
        return f"Spark 3.5 needs Java 17, this is {major or 'unknown'}."
    return ""


class SparkCluster:
    """`events` and `home` hold all that Spark leaves on disk; `log` is the driver's stderr."""

    def __init__(self, driver: "subprocess.Popen[str]", home: Path) -> None:
        self._driver = driver
        self.home = home
        self.log = home / "driver.log"
        self.events = home / "events"
        self._jobs = 0

    def start(self, **told: Any) -> None:
        assert self._driver.stdin is not None
        self._jobs += 1
        self._driver.stdin.write(json.dumps({"job": self._jobs, **told}) + "\n")
        self._driver.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Of what was started last: those of tests that failed are passed over."""
        assert self._driver.stdout is not None
        answer: dict[str, Any] = {}
        while answer.get("job") != self._jobs:
            line = self._driver.stdout.readline()
            assert line, self.log.read_text()[-4_000:]
            answer = json.loads(line)
        return answer

    def run(self, **told: Any) -> dict[str, Any]:
        self.start(**told)
        return self.answer()

    def executors(self) -> list[int]:
        """Their process ids, the oldest first."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = path.read_bytes().split(b"\0")
            except OSError:
                continue
            ours = any(str(self.home).encode() in it for it in command)
            if ours and any(it.endswith(EXECUTOR_CLASS.encode()) for it in command):
                found.append(int(path.parent.name))
        return sorted(found)

    def kill_one_executor(self) -> str:
        """And tell which."""
        executor = self.executors()[0]
        os.kill(executor, signal.SIGKILL)
        return f"process {executor}"

    def left_on_disk(self) -> Iterator[tuple[Path, bytes]]:
        for path in [*self.home.rglob("*")]:
            if path.is_file() and not path.is_symlink() and path.suffix != ".zip":
                yield path, path.read_bytes()


@contextmanager
def spark_cluster(home: Path, conf: Mapping[str, str]) -> Iterator[SparkCluster]:
    """Below `home` lies all that it writes: Spark takes its own folder for that otherwise."""
    python = os.environ.get("SPARK_PYTHON") or venv_python("spark")
    told = subprocess.run(
        [python, "-c", "import pyspark; print(pyspark.__path__[0])"],
        capture_output=True,
        text=True,
        check=True,
    )
    for name in ("spark", "local", "events"):
        (home / name).mkdir()
    for part in Path(told.stdout.strip()).iterdir():
        (home / "spark" / part.name).symlink_to(part)
    environment = {
        **os.environ,
        "SPARK_HOME": str(home / "spark"),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(home / "local"),
        "PYTHONPATH": str(LIBRARY),
    }
    with (home / "driver.log").open("w") as log:
        driver = subprocess.Popen(
            [python, HERE / "spark_driver.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment,
            cwd=home,
        )
        cluster = SparkCluster(driver, home)
        try:
            cluster.start(conf=_conf(home, conf))
            cluster.answer()
            yield cluster
        finally:
            _end(driver)


def _conf(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    return {
        "spark.master": f"local-cluster[{EXECUTORS},1,1024]",
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": (home / "events").as_uri(),
        "spark.executor.extraJavaOptions": f"-Dhome={home}",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        **more,
    }


def _end(driver: "subprocess.Popen[str]") -> None:
    if driver.stdin is not None:
        driver.stdin.close()
    try:
        driver.wait(60)
    except subprocess.TimeoutExpired:
        driver.kill()
        driver.wait()
    if driver.stdout is not None:
        driver.stdout.close()


def cells(answer: Mapping[str, Any], column: str) -> Sequence[str]:
    at = answer["names"].index(column)
    return [row[at] for row in answer["rows"]]
