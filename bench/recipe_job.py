"""The recipe as a job: the built plugin over a dataset, run by the tests' local DSS in the `dss` environment."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.stub import BenchError
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
from local_dss import job
from local_dss.behaviour import Behaviour
from local_dss.code_env import installed_plugin
from local_dss.job_description import JobDescription
from local_dss.process import Process
from local_dss.project import Project

LAST_LINES = 15
CONFIG: Mapping[str, object] = {
    "llm_id": LLM_ID,
    "system_column": "instructions",
    "user_column": "review",
    "temperature": TEMPERATURE,
    "max_tokens": MAX_TOKENS,
    "max_concurrency": CONCURRENCY,
    "adaptive_concurrency": False,
}


@dataclass(frozen=True, slots=True)
class Setup:
    """`settings` beside those of every run; `folder_seconds`: what each request to the run folder takes.

    Without `run_folder` nothing is saved. `characters` is the least length of a user message.
    """

    rows: int
    characters: int = 0
    settings: Mapping[str, object] = field(default_factory=dict)
    run_folder: bool = False
    folder_seconds: float = 0.0

    def messages(self) -> Iterator[tuple[str, str]]:
        for row in range(self.rows):
            yield SYSTEM, user_message(row).ljust(self.characters, ".")


class RecipeJob:
    """Jobs over one project in `directory`: dataset `reviews` to dataset `answers`; `start` starts the next one."""

    def __init__(self, host: str, setup: Setup, directory: Path) -> None:
        self.setup = setup
        self._plugin = installed_plugin(directory / "plugin")
        self._project = Project(directory / "project", PROJECT_KEY)
        columns = [{"name": name, "type": "string"} for name in ("instructions", "review")]
        self._project.create("reviews", columns, setup.messages())
        outputs = {"completions": ["answers"]}
        if setup.run_folder:
            outputs["run_folder"] = ["saved"]
        self._description = JobDescription(
            project=str(self._project.folder),
            project_key=PROJECT_KEY,
            host=host,
            ticket="any",
            inputs={"messages": ["reviews"]},
            outputs=outputs,
            config={**CONFIG, **setup.settings},
            behaviour=Behaviour(folder_seconds=setup.folder_seconds),
        )

    def start(self) -> Process:
        self.job = job.start(self._plugin, self._plugin.recipe, self._description)
        return self.job.process

    @property
    def run_folder(self) -> Path:
        """What this recipe's runs leave for each other."""
        return self._project.managed_folder("saved") / f"{PROJECT_KEY}.answers" / "whole"

    @property
    def written(self) -> Path:
        """The output, as lines of tab-separated cells."""
        return self._project.dataset("answers").data

    def objects(self) -> list[Path]:
        return [path for path in self.run_folder.rglob("*") if path.is_file()]

    def end(self) -> "list[str]":
        """The lines of a job that has ended, or was killed."""
        return self.job.wait().lines

    def check(self) -> None:
        """Raises BenchError when the job failed, or a row of the output has not its own answer."""
        ended = self.job.wait()
        if not ended.succeeded:
            raise BenchError("\n".join([*ended.lines[-LAST_LINES:], ended.banner]))
        self._check_output()

    def _check_output(self) -> None:
        answers = self._project.dataset("answers")
        answers.check_readable()
        names = [column["name"] for column in answers.schema]
        review, completion = names.index("review"), names.index("completion")
        row = -1
        with answers.data.open(encoding="utf-8", newline="") as file:
            written = csv.reader(file, delimiter="\t")
            # A million rows do not fit into memory: they are read as they are compared.
            for row, (cells, (_, message)) in enumerate(
                zip(written, self.setup.messages(), strict=False)
            ):
                if cells[review] != message or not answers_row(row, cells[completion]):
                    raise BenchError(f"row {row} got the answer {cells[completion][:40]!r}")
            if row + 1 != self.setup.rows or next(written, None) is not None:
                raise BenchError(f"{row + 1} rows or more were written, not {self.setup.rows}")
