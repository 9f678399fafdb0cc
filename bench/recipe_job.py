"""The recipe as a job: the built plugin over a dataset, run by the tests' local DSS in the `dss` environment."""

import subprocess
import sys
from pathlib import Path

from bench.stub import BenchError, Stub
from bench.workload import (
    CONCURRENCY,
    LLM_ID,
    MAX_TOKENS,
    PROJECT_KEY,
    SYSTEM,
    TEMPERATURE,
    answers_row,
    user_message,
)

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests/standin"))
from local_dss import job
from local_dss.code_env import installed_plugin
from local_dss.job_description import JobDescription
from local_dss.project import Project

LAST_LINES = 15


class RecipeJob:
    """One job: dataset `reviews` to dataset `answers`, both in `directory`."""

    def __init__(self, stub: Stub, rows: int, directory: Path) -> None:
        self._rows = rows
        self._plugin = installed_plugin(directory / "plugin")
        self._project = Project(directory / "project", PROJECT_KEY)
        self._project.create_texts(
            "reviews",
            [{"instructions": SYSTEM, "review": user_message(row)} for row in range(rows)],
        )
        self._description = JobDescription(
            project=str(self._project.folder),
            project_key=PROJECT_KEY,
            host=stub.host,
            ticket="any",
            inputs={"messages": ["reviews"]},
            outputs={"completions": ["answers"]},
            config={
                "llm_id": LLM_ID,
                "system_column": "instructions",
                "user_column": "review",
                "temperature": TEMPERATURE,
                "max_tokens": MAX_TOKENS,
                "max_concurrency": CONCURRENCY,
            },
        )

    def start(self) -> "subprocess.Popen[str]":
        self._job = job.start(self._plugin, self._plugin.recipe, self._description)
        return self._job.process

    def check(self) -> None:
        """Raises BenchError when the job failed, or a row of the output has not its own answer."""
        ended = self._job.wait()
        if not ended.succeeded:
            raise BenchError("\n".join([*ended.lines[-LAST_LINES:], ended.banner]))
        written = self._project.dataset("answers").rows()
        if len(written) != self._rows:
            raise BenchError(f"{len(written)} rows were written, not {self._rows}")
        for row, cells in enumerate(written):
            if cells["review"] != user_message(row) or not answers_row(row, cells["completion"]):
                raise BenchError(f"row {row} got the answer {cells['completion'][:40]!r}")
