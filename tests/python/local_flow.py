"""A project with one input and one output, a Mesh and the installed plugin: what functional tests build on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_dss import job
from local_dss.code_env import Plugin
from local_dss.job import Job, JobResult
from local_dss.job_description import JobDescription
from local_dss.llms import LLM_ID
from local_dss.mesh_server import MeshServer
from local_dss.process import StartProcess, cold
from local_dss.project import Project, StoredDataset

CONFIG = {"llm_id": LLM_ID, "user_column": "question", "max_retries": 1}


@dataclass
class Flow:
    """Jobs read `prompts` and write `answers`."""

    plugin: Plugin
    project: Project
    mesh: MeshServer
    defaults: dict[str, Any] = field(default_factory=dict)
    start_process: StartProcess = cold

    def ask(self, *questions: str) -> StoredDataset:
        """Fill the input with these questions."""
        rows = [{"number": str(n), "question": it} for n, it in enumerate(questions, 1)]
        return self.project.create_texts("prompts", rows)

    def previous_output(self) -> None:
        """What an earlier run left."""
        self.project.create("answers", [{"name": "old", "type": "string"}], [["kept"]])

    def describe(
        self, config: Mapping[str, object] | None = None, **changes: Any
    ) -> JobDescription:
        return JobDescription(
            **{
                "project": str(self.project.folder),
                "project_key": self.project.key,
                "host": self.mesh.backend,
                "ticket": "ticket-of-the-job",
                "inputs": {"messages": ["prompts"]},
                "outputs": {"completions": ["answers"]},
                "config": {**CONFIG, **(config or {})},
                **self.defaults,
                **changes,
            }
        )

    def start(
        self,
        config: Mapping[str, object] | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        on_line: Callable[[str], None] = lambda _line: None,
        **changes: Any,
    ) -> Job:
        return job.start(
            self.plugin,
            self.plugin.recipe,
            self.describe(config, **changes),
            environment=environment,
            on_line=on_line,
            start_process=self.start_process,
        )

    def run(self, config: Mapping[str, object] | None = None, **changes: Any) -> JobResult:
        return self.start(config, **changes).wait()

    def macro(
        self, config: Mapping[str, object], name: str = "list-llms", **changes: Any
    ) -> JobResult:
        described = self.describe(inputs={}, outputs={}, **changes)
        bare = JobDescription(**{**vars_of(described), "config": config})
        return self.run_component(self.plugin.macro(name), bare)

    def has_recipe(
        self, config: Mapping[str, object] | None = None, name: str = "ask", **inputs: str
    ) -> None:
        """The recipe as the project keeps it; `inputs` beside the messages, by role."""
        roles = {"messages": "prompts", **inputs}
        self.mesh.project.definitions = {
            name: {
                "type": "CustomCode_mesh-prompt-batch",
                "params": {"customConfig": {**CONFIG, **(config or {})}},
                "inputs": {role: {"items": [{"ref": it}]} for role, it in roles.items()},
                "outputs": {"completions": {"items": [{"ref": "answers"}]}},
            },
            "stack": {"type": "vstack", "params": {}, "inputs": {}, "outputs": {}},
        }

    def code_recipe(self, code: str, folder: Path, **changes: Any) -> JobResult:
        """Code that a user writes, in an environment that has the plugin's packages."""
        path = folder / "recipe.py"
        path.write_text(code)
        return self.run_component(path, self.describe(**changes))

    def run_component(self, component: Path, described: JobDescription) -> JobResult:
        return job.run(self.plugin, component, described, start_process=self.start_process)

    @property
    def answers(self) -> list[dict[str, str]]:
        return self.project.dataset("answers").rows()

    def column(self, name: str) -> list[str]:
        return [row[name] for row in self.answers]

    def untouched(self) -> bool:
        """Whether the output holds what `previous_output` put there."""
        return self.answers == [{"old": "kept"}]


def vars_of(description: JobDescription) -> dict[str, Any]:
    return {name: getattr(description, name) for name in description.__slots__}


def failures(rows: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Error types by question, of the rows that failed."""
    return {row["question"]: row["error_type"] for row in rows if row["error_type"]}
