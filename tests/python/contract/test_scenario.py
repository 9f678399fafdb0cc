"""The runner of scenarios: when a step runs, how often, and what the scenario's outcome is."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from integration.macro_steps import step as described
from local_dss.scenario import (
    ABORTED,
    FAILED,
    SUCCESS,
    WARNING,
    Done,
    Scenario,
    ScenarioError,
    ScenarioRun,
    holds,
)

MATCH = {"runConditionType": "RUN_IF_STATUS_MATCH"}


def step(name: str, *outcomes: str, ignore: bool = False, **changes: Any) -> dict[str, Any]:
    """Ends with these outcomes, one a try."""
    params = {"outcomes": list(outcomes or [SUCCESS]), "proceedOnFailure": ignore}
    return {**described("scripted", name, params), **changes}


def run(*steps: Mapping[str, Any], waited: Callable[[float], None] = lambda _: None) -> ScenarioRun:
    def scripted(params: Mapping[str, Any]) -> Done:
        return Done(params["outcomes"].pop(0), "why")

    return Scenario(steps, {"scripted": scripted}, waited, {"region": "eu"}).run()


@pytest.mark.parametrize(
    ("first", "outcome", "second"),
    [
        (SUCCESS, SUCCESS, SUCCESS),
        (WARNING, WARNING, SUCCESS),
        (FAILED, FAILED, ""),
        (ABORTED, ABORTED, ""),
    ],
)
def test_a_step_runs_unless_one_before_it_failed(first: str, outcome: str, second: str) -> None:
    ended = run(step("first", first), step("second"))
    assert ended.outcome == outcome
    assert ended.outcomes() == {"first": first, "second": second}


@pytest.mark.parametrize(
    ("condition", "runs"),
    [
        ({"runConditionType": "RUN_ALWAYS"}, True),
        ({"runConditionType": "DISABLED"}, False),
        ({"runConditionType": "RUN_ALWAYS", "enabled": False}, False),
        ({**MATCH, "runConditionStatuses": ["FAILED"]}, True),
        ({**MATCH, "runConditionStatuses": ["WARNING", "ABORTED"]}, False),
        (
            {
                "runConditionType": "RUN_CONDITIONALLY",
                "runConditionExpression": "outcome == 'FAILED'",
            },
            True,
        ),
        (
            {
                "runConditionType": "RUN_CONDITIONALLY",
                "runConditionExpression": "stepOutcome_first != 'FAILED' || region == 'us'",
            },
            False,
        ),
    ],
)
def test_a_condition_decides_behind_a_step_that_failed(
    condition: dict[str, Any], runs: bool
) -> None:
    ended = run(step("first", FAILED), step("second", **condition))
    assert ended.outcomes()["second"] == (SUCCESS if runs else "")
    assert ended.outcome == FAILED, "a step that succeeds mends nothing"


def test_a_step_may_be_tried_again_after_a_while() -> None:
    waits: list[float] = []
    again: dict[str, Any] = {"maxRetriesOnFail": 2, "delayBetweenRetries": 300}
    ended = run(step("first", FAILED, FAILED, SUCCESS, **again), waited=waits.append)
    assert (ended.outcome, ended.steps[0].tries, waits) == (SUCCESS, 3, [300, 300])
    ended = run(step("first", *[FAILED] * 3, **again), waited=waits.append)
    assert (ended.outcome, ended.steps[0].tries, len(waits)) == (FAILED, 3, 4)
    ended = run(step("first", ABORTED, **again))
    assert (ended.outcome, ended.steps[0].tries) == (ABORTED, 1)


def test_a_failure_may_be_ignored_or_forgotten() -> None:
    ended = run(step("first", FAILED, ignore=True), step("second"))
    assert (ended.outcome, ended.outcomes()["second"]) == (SUCCESS, SUCCESS)
    mends: dict[str, Any] = {"runConditionType": "RUN_ALWAYS", "resetScenarioStatus": True}
    assert run(step("first", FAILED), step("second", **mends)).outcome == SUCCESS


def test_the_report_says_which_steps_failed_and_why() -> None:
    assert run(step("first", FAILED), step("second")).report == "FAILED\nfirst: FAILED: why"


def test_what_is_no_step_is_refused_before_the_first_runs() -> None:
    surprises: list[dict[str, Any]] = [
        {"type": "unheard_of"},
        {"surplus": 1},
        {"runConditionStatuses": ["DONE"]},
    ]
    for wrong in surprises:
        first = step("first")
        with pytest.raises(ScenarioError):
            run(first, {**step("second"), **wrong})
        assert first["params"]["outcomes"], "it ran"
    with pytest.raises(ScenarioError):
        run(step("same"), step("same"))
    with pytest.raises(ScenarioError):
        run(step("first", runConditionType="SOMETIMES"))


def test_conditions_compare_what_is_known_and_nothing_else() -> None:
    known = {"outcome": "SUCCESS", "day": "Monday"}
    assert holds("outcome == 'SUCCESS' && day == 'Monday'", known)
    assert not holds("outcome == 'FAILED' || day != 'Monday'", known)
    for strange in ("outcome", "night == 'x'", "outcome = 'SUCCESS'", "__import__('os')"):
        with pytest.raises(ScenarioError):
            holds(strange, known)
