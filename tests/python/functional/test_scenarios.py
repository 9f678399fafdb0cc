"""The scenarios of examples/, run step by step: in every outcome."""

import re
import runpy

import pytest

from local_dss import faults
from local_dss.llms import LLM_ID
from local_dss.scenario import FAILED, SUCCESS, WARNING
from local_flow import Flow
from scenario_flow import EXAMPLES, Metric, ScenarioFlow, example

ALIVE = "Say ok."
RECIPE = "compute_answers"
CHEAP, DEAR = (
    {"price_per_million_input_tokens": it, "price_per_million_output_tokens": it}
    for it in (1, 10_000)
)


@pytest.fixture
def night(flow: Flow) -> ScenarioFlow:
    flow.previous_output()
    flow.ask(*(f"question {n}" for n in range(25)))
    flow.has_recipe(CHEAP, RECIPE)
    return ScenarioFlow(flow, {"answers": {"max_retries": 0}})


def test_a_good_night(night: ScenarioFlow) -> None:
    ended = night.run(example("nightly-batch"))
    assert ended.report == SUCCESS
    assert night.ran == ["list-llms", "forecast", "answers"]
    assert len(night.flow.answers) == 25
    assert night.waits == []


def test_an_llm_that_wakes_up_late_delays_the_night_and_no_more(night: ScenarioFlow) -> None:
    night.flow.mesh.fault = lambda _q, _t, call: faults.gateway_page(503) if call <= 2 else None
    ended = night.run(example("nightly-batch"))
    assert ended.report == SUCCESS
    assert night.waits == [300, 300]
    assert [it.tries for it in ended.steps] == [3, 1, 1, 1]


def test_a_night_without_the_llm_builds_nothing_and_says_why(night: ScenarioFlow) -> None:
    night.flow.mesh.fault = lambda *_: faults.gateway_page(503)
    ended = night.run(example("nightly-batch"))
    assert ended.outcomes() == {
        "LLMs answer": FAILED,
        "Forecast": "",
        "Build": "",
        "Failure rate": "",
    }
    assert f"Required LLMs do not answer: {LLM_ID} (server (HTTP 503))." in ended.report
    assert night.flow.untouched()
    assert night.waits == [300, 300]


def test_a_night_that_would_cost_too_much_spends_nothing(night: ScenarioFlow) -> None:
    night.flow.has_recipe(DEAR, RECIPE)
    ended = night.run(example("nightly-batch"))
    assert ended.outcomes() == {
        "LLMs answer": SUCCESS,
        "Forecast": FAILED,
        "Build": "",
        "Failure rate": "",
    }
    assert re.search(r"forecast of compute_answers is [\d.]+ .*above 'Fail above'", ended.report)
    assert night.flow.untouched()
    assert len(night.flow.mesh.calls) == 1


def test_a_build_that_fails_is_tried_once_more_and_leaves_the_output(night: ScenarioFlow) -> None:
    night.flow.mesh.fault = lambda q, _t, _c: None if q == ALIVE else faults.quota_blocked(q)
    ended = night.run(example("nightly-batch"))
    assert ended.outcomes()["Build"] == FAILED
    assert ended.outcomes()["Failure rate"] == ""
    assert night.waits == [600]
    assert night.flow.untouched()
    assert "question" not in ended.report, "a prompt"


@pytest.mark.parametrize(("every", "outcome"), [(20, WARNING), (5, FAILED)])
def test_rows_that_failed_warn_or_fail_the_night(
    night: ScenarioFlow, every: int, outcome: str
) -> None:
    def fault(question: str, _time: int, _call: int) -> faults.Answer | None:
        number = re.search(r"\d+", question)
        return faults.guardrail(question) if number and int(number[0]) % every == 1 else None

    if every == 20:
        night.flow.ask(*(f"question {n}" for n in range(40)))
    night.flow.mesh.fault = fault
    ended = night.run(example("nightly-batch"))
    assert ended.outcome == outcome
    failed = {20: "2 of 40 rows failed (5.0 %), more than 1 %.", 5: "5 of 25 rows failed (20.0 %)"}
    assert failed[every] in ended.report
    assert ended.outcomes()["Build"] == SUCCESS


def test_the_weekly_mail_names_the_llm_and_the_dataset_it_attaches_is_there(flow: Flow) -> None:
    flow.project.create("llms", [], [])
    flow.mesh.fault_of = {LLM_ID: faults.gateway_page(503)}
    week = ScenarioFlow(flow)
    ended = week.run(example("weekly-llms"))
    assert ended.outcome == FAILED
    assert LLM_ID in ended.report
    assert week.waits == [600]
    status = {row["llm_id"]: row["status"] for row in flow.project.dataset("llms").rows()}
    assert status[LLM_ID] == "server (HTTP 503)"
    flow.mesh.fault_of = {}
    assert week.run(example("weekly-llms")).report == SUCCESS


def test_a_later_step_takes_the_first_llm_that_answers(flow: Flow) -> None:
    """The Python of examples/scenarios/README.md, between the macro and the build."""
    script = re.findall(r"```python\n(.*?)```", (EXAMPLES / "README.md").read_text(), re.DOTALL)[-1]
    (listing,) = example("weekly-llms")
    listing["params"]["config"] |= {"required_llm_ids": [], "save_to_dataset": ""}
    choosing = {**listing, "type": "custom_python", "name": "Choose", "params": {"script": script}}
    build = next(it for it in example("nightly-batch") if it["name"] == "Build")
    flow.ask("hello")
    night = ScenarioFlow(flow, {"answers": {"llm_id": "", "llm_id_override": "${llm_id}"}})
    ended = night.run([listing, choosing, build])
    assert ended.report == SUCCESS
    assert flow.column("answered_by") == [LLM_ID]


def test_the_rule_needs_figures() -> None:
    rule = runpy.run_path(str(EXAMPLES / "failure_rate_rule.py"))["process"]
    assert rule({}, None, None)[0] == "ERROR"
    assert (
        rule({"x:prompt_batch_rows": Metric(0), "x:prompt_batch_failed": Metric(0)}, None, None)[0]
        == "ERROR"
    )
    figures = {"external:prompt_batch_rows": Metric(200), "external:prompt_batch_failed": Metric(2)}
    assert rule(figures, None, None) == ("OK", "2 of 200 rows failed (1.0 %).")
