"""What the steps of a scenario do to a `Flow`: the plugin's own macros and recipe run as DSS's jobs."""

import json
import runpy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_dss.job import JobResult
from local_dss.job_description import JobDescription
from local_dss.scenario import FAILED, SUCCESS, WARNING, Done, Scenario, ScenarioError, ScenarioRun
from local_flow import Flow, vars_of

EXAMPLES = Path(__file__).resolve().parents[2] / "examples/scenarios"
MACRO = "pyrunnable_mesh-prompt-batch_"
_RULED = {"OK": SUCCESS, "WARNING": WARNING, "ERROR": FAILED}


@dataclass(frozen=True, slots=True)
class Metric:
    """As DSS hands it to a rule."""

    value: float

    def get_value(self) -> float:
        return self.value


@dataclass
class ScenarioFlow:
    """`builds`: the recipe's settings by the dataset it builds."""

    flow: Flow
    builds: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)

    def run(self, steps: Sequence[Mapping[str, Any]]) -> ScenarioRun:
        do = {
            "runnable": self._macro,
            "build_flowitem": self._build,
            "check_dataset": self._rules,
            "custom_python": self._code,
        }
        return Scenario(steps, do, self.waits.append).run()

    def _macro(self, params: Mapping[str, Any]) -> Done:
        if not params["runnableType"].startswith(MACRO):
            raise ScenarioError(f"There is no macro {params['runnableType']}.")
        name = params["runnableType"].removeprefix(MACRO)
        self.ran.append(name)
        described = self.flow.describe(inputs={}, outputs={}, variables=self._variables())
        alone = JobDescription(**{**vars_of(described), "config": params["config"]})
        return _done(self.flow.run_component(self.flow.plugin.macro(name), alone))

    def _build(self, params: Mapping[str, Any]) -> Done:
        for item in params["builds"]:
            self.ran.append(item["itemId"])
            config = self.builds[item["itemId"]]
            result = self.flow.run(config, variables=self._variables())
            if not result.succeeded:
                return _done(result)
        return Done()

    def _rules(self, params: Mapping[str, Any]) -> Done:
        """The rule of examples/, over the figures that a run publishes."""
        rule = runpy.run_path(str(EXAMPLES / "failure_rate_rule.py"))["process"]
        for item in params["checks"]:
            published = self.flow.project.dataset(item["itemId"]).metrics.get("", {})
            # What comes before a metric's name in its id is not known.
            values = {f"external:{name}": Metric(it) for name, it in published.items()}
            found, message = rule(values, None, None)
            if _RULED[found] != SUCCESS:
                return Done(_RULED[found], message)
        return Done()

    def _code(self, params: Mapping[str, Any]) -> Done:
        folder = self.flow.project.folder
        folder.mkdir(parents=True, exist_ok=True)
        return _done(self.flow.code_recipe(params["script"], folder, variables=self._variables()))

    def _variables(self) -> dict[str, str]:
        """The project's, as a step's process reads them: texts, what is none as JSON."""
        kept = self.flow.mesh.project.variables
        whole = {**kept["standard"], **kept["local"]}
        return {name: it if isinstance(it, str) else json.dumps(it) for name, it in whole.items()}


def _done(result: JobResult) -> Done:
    return Done() if result.succeeded else Done(FAILED, result.banner)


def example(name: str) -> list[dict[str, Any]]:
    """The steps that ship under examples/."""
    steps: list[dict[str, Any]] = json.loads((EXAMPLES / f"{name}.json").read_text())
    return steps
