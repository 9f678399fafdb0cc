"""A component's run that the public API started: its state, its log, its abort."""

import threading
from collections.abc import Callable
from signal import Signals

from local_dss.job import Job, JobResult

RUNNING, DONE, FAILED, ABORTED = "RUNNING", "DONE", "FAILED", "ABORTED"


class ManagedRun:
    """Of one process. `state` is one of DSS's."""

    def __init__(self, run_id: str, start: Callable[[], Job]) -> None:
        self.id = run_id
        self.state = RUNNING
        self.result: JobResult | None = None
        self._aborted = False
        self._lines_at_abort: int | None = None
        self._ended = threading.Event()
        self._job = start()
        threading.Thread(target=self._wait, name=f"run-{run_id}").start()

    @property
    def log(self) -> str:
        return "\n".join([*self._job.log, ""])

    @property
    def log_until_abort(self) -> str:
        return "\n".join([*self._job.log[: self._lines_at_abort], ""])

    @property
    def running(self) -> bool:
        return not self._ended.is_set()

    def wait(self) -> JobResult:
        self._ended.wait()
        if self.result is None:
            raise RuntimeError("the run left no result")
        return self.result

    def abort(self, number: Signals, seconds: float) -> None:
        """Told to end by `number`, and killed where it has not after so many seconds."""
        self._aborted, self._lines_at_abort = True, len(self._job.log)
        self._job.send(number)
        threading.Thread(target=self._kill_after, args=(seconds,)).start()

    def kill(self) -> None:
        if self.running:
            self._aborted = True
            self._job.process.kill()
            self._ended.wait()

    def _kill_after(self, seconds: float) -> None:
        if not self._ended.wait(seconds):
            self.kill()

    def _wait(self) -> None:
        try:
            self.result = self._job.wait()
            ended = DONE if self.result.succeeded else FAILED
            self.state = ABORTED if self._aborted else ended
        finally:
            self._ended.set()
