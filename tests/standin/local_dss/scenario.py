"""Runs the steps of a scenario as DSS does: conditions, retries, outcomes. What a step does is given by its type."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SUCCESS, WARNING, FAILED, ABORTED = OUTCOMES = ("SUCCESS", "WARNING", "FAILED", "ABORTED")
# What DSS writes into a step; `id` it makes itself.
KEYS = {
    "type", "name", "enabled", "alwaysShowComment", "runConditionType", "runConditionStatuses",
    "runConditionExpression", "resetScenarioStatus", "delayBetweenRetries", "maxRetriesOnFail", "params",
}  # fmt: skip
_COMPARISON = re.compile(r"\s*(\w+)\s*(==|!=)\s*'([^']*)'\s*")

Step = Mapping[str, Any]


class ScenarioError(Exception):
    """A scenario that DSS would not take, or that this runner does not understand."""


@dataclass(frozen=True, slots=True)
class Done:
    """How a step ended; `message` is what DSS shows of a failure."""

    outcome: str = SUCCESS
    message: str = ""


@dataclass(frozen=True, slots=True)
class StepRun:
    """`outcome` is blank where the step did not run."""

    name: str
    outcome: str = ""
    message: str = ""
    tries: int = 0


@dataclass(frozen=True, slots=True)
class ScenarioRun:
    outcome: str
    steps: Sequence[StepRun]

    @property
    def report(self) -> str:
        """What a mail would say: the outcome, then each step that did not just succeed."""
        lines = [f"{it.name}: {it.outcome}: {it.message}" for it in self.steps if it.message]
        return "\n".join([self.outcome, *lines])

    def outcomes(self) -> dict[str, str]:
        return {it.name: it.outcome for it in self.steps}


@dataclass
class Scenario:
    """`do` runs a step by its type; `wait` passes the seconds between tries."""

    steps: Sequence[Step]
    do: Mapping[str, Callable[[Mapping[str, Any]], Done]]
    wait: Callable[[float], None]
    variables: Mapping[str, str] = field(default_factory=dict)

    def run(self) -> ScenarioRun:
        """Raises ScenarioError before the first step where one of them is no step."""
        self._check()
        outcome, runs = SUCCESS, list[StepRun]()
        for step in self.steps:
            if outcome == ABORTED or not self._is_due(step, outcome, runs):
                runs.append(StepRun(step["name"]))
                continue
            if step["resetScenarioStatus"]:
                outcome = SUCCESS
            runs.append(self._tried(step))
            ignored = runs[-1].outcome == FAILED and step["params"].get("proceedOnFailure")
            outcome = outcome if ignored else max(outcome, runs[-1].outcome, key=OUTCOMES.index)
        return ScenarioRun(outcome, runs)

    def _check(self) -> None:
        names = [it.get("name") for it in self.steps]
        if len({*names}) != len(names):
            raise ScenarioError("Two steps have one name.")
        for step in self.steps:
            if step.keys() - {"id"} != KEYS:
                raise ScenarioError(f"Keys: {sorted(step.keys() ^ KEYS)}")
            if step["type"] not in self.do:
                raise ScenarioError(f"Unknown type of step: {step['type']}")
            if unknown := {*step["runConditionStatuses"]} - {*OUTCOMES}:
                raise ScenarioError(f"Unknown statuses: {sorted(unknown)}")

    def _is_due(self, step: Step, outcome: str, runs: Sequence[StepRun]) -> bool:
        if not step["enabled"]:
            return False
        match step["runConditionType"]:
            case "DISABLED":
                return False
            case "RUN_ALWAYS":
                return True
            case "RUN_IF_STATUS_MATCH":
                return outcome in step["runConditionStatuses"]
            case "RUN_CONDITIONALLY":
                steps = {f"stepOutcome_{it.name}": it.outcome for it in runs}
                known = {**self.variables, **steps, "outcome": outcome}
                return holds(step["runConditionExpression"], known)
            case unknown:
                raise ScenarioError(f"Unknown condition: {unknown}")

    def _tried(self, step: Step) -> StepRun:
        for tries in range(1, step["maxRetriesOnFail"] + 2):
            done = self.do[step["type"]](step["params"])
            if done.outcome != FAILED or tries > step["maxRetriesOnFail"]:
                return StepRun(step["name"], done.outcome, done.message, tries)
            self.wait(step["delayBetweenRetries"])
        raise ScenarioError("A step is tried once at least.")


def holds(expression: str, known: Mapping[str, str]) -> bool:
    """Comparisons with texts, joined by `&&` and `||`: what conditions between steps need of DSS's formulas."""
    return any(
        all(_compared(it, known) for it in either.split("&&")) for either in expression.split("||")
    )


def _compared(text: str, known: Mapping[str, str]) -> bool:
    match = _COMPARISON.fullmatch(text)
    if match is None or match[1] not in known:
        raise ScenarioError(f"Not understood: {text}")
    return (known[match[1]] == match[3]) == (match[2] == "==")
