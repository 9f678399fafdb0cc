"""The macro Forecast a prompt batch, run as DSS runs it: each outcome, alone and before a build."""

import re
from typing import Any

import pytest

from documents import ROOT, Document
from local_dss import faults
from local_dss.job import JobResult
from local_dss.scenario import FAILED, SUCCESS
from local_flow import CONFIG, Flow
from scenario_flow import ScenarioFlow, example

PRICES: dict[str, Any] = {
    "price_per_million_input_tokens": 100,
    "price_per_million_output_tokens": 1_000,
}
CANARY = "canary-7f"


def forecast(flow: Flow, **config: object) -> JobResult:
    return flow.macro({"recipe": "ask", **config}, "forecast")


def lines(result: JobResult) -> dict[str, list[str]]:
    assert result.succeeded, result.text
    return {row[0]: row[1:] for row in result.result["records"]}


@pytest.fixture
def filled(flow: Flow) -> Flow:
    flow.ask(*(f"{CANARY} {n} {'word ' * (n % 9)}" for n in range(300)))
    flow.previous_output()
    flow.has_recipe({**PRICES, "max_tokens": 50})
    return flow


def test_bounds_cost_nothing_and_touch_nothing(filled: Flow) -> None:
    filled.ask("a", "", "a", f"{CANARY} b")
    result = forecast(filled)
    found = lines(result)
    assert [it["label"] for it in result.result["columns"]] == [
        "What", "Lower bound", "Upper bound", "How it is known",
    ]  # fmt: skip
    assert found["Rows"][0] == "4"
    assert found["Rows to send"][0] == "2"
    assert found["Identical rows in the sample"][0] == "1"
    assert found["Row 2"][-1] == "The user message is blank, as 'question' is blank."
    assert found["Tokens out"][:2] == ["2", "100"]
    low, high = (float(it) for it in found["Cost"][:2])
    assert 0 < low < high
    assert found["Real calls"] == ["0", "", "nothing was spent"]
    assert not filled.mesh.calls
    assert filled.untouched()
    assert CANARY not in result.text + str(result.result)
    assert not result.left_open
    assert not result.left_files
    assert (result.result["progress"], result.result["progress_target"]) == (
        [20, 40, 100],
        [100, "NONE"],
    )


def test_real_calls_forecast_what_the_run_then_costs(filled: Flow) -> None:
    result = forecast(filled, calls=60)
    found = lines(result)
    assert [it["label"] for it in result.result["columns"]][1:4] == ["P10", "P50", "P90"]
    assert len(filled.mesh.calls) == 60
    assert found["Real calls"][-1] == "for 60 rows, of which 0 failed"
    assert "four times in five" in found["Tokens in"][-1]
    assert CANARY not in result.text + str(result.result)
    assert filled.untouched()
    assert filled.run({**PRICES, "max_tokens": 50}).succeeded
    spent = sum(float(row["cost"]) for row in filled.answers)
    low, _, high = (float(it.replace(",", "")) for it in found["Cost"][:3])
    # Seven times the interval's half: this checks the units, tests/python/unit/test_prediction.py the interval.
    assert abs(spent - (low + high) / 2) <= 7 * max((high - low) / 2, 0.001 * spent)


def test_dataiku_s_own_count_and_random_rows_are_used_where_there_are_any(filled: Flow) -> None:
    filled.mesh.project.row_counts = {"prompts": 300}
    found = lines(forecast(filled, sample_rows=50))
    assert found["Rows"][0] == "300"
    assert "as Dataiku counted last" in found["Rows"][-1]
    assert found["Rows in the sample"][:1] == ["50"]
    assert found["Rows in the sample"][-1] == "random rows"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"fail_above": 0.01}, "(upper bound without calls), above 'Fail above' (0.01)."),
        ({"fail_above": 0.01, "calls": 30}, "(P90), above 'Fail above' (0.01)."),
        ({"recipe": "gone"}, "the recipe gone cannot be read in this project"),
        ({"calls": 201}, "'Real calls' cannot be more than 'Sampled rows'"),
    ],
)
def test_what_is_too_dear_or_cannot_work_fails_in_one_sentence(
    filled: Flow, config: dict[str, object], words: str
) -> None:
    result = forecast(filled, **config)
    assert not result.succeeded
    assert words in result.banner
    assert CANARY not in result.text


def test_an_llm_that_is_blocked_stops_the_real_calls(filled: Flow) -> None:
    filled.mesh.fault = lambda question, *_: faults.quota_blocked(question)
    result = forecast(filled, calls=40)
    assert not result.succeeded
    assert "quota" in result.banner
    assert len(filled.mesh.calls) <= 16
    assert CANARY not in result.text


def test_ceilings_hold_for_real_calls_too(filled: Flow) -> None:
    config = {"recipe": "ask", "calls": 30}
    ceilings = {"spend_ceiling_per_run": 0.2, "max_concurrency_ceiling": 2}
    result = filled.macro(config, "forecast", plugin_config=ceilings)
    found = lines(result)
    assert "'Spend limit' is 0.20" in found["Cost"][-1]
    assert float(found["Cost of the real calls"][0]) <= 0.2


def test_the_code_of_the_page_on_python_forecasts_too(filled: Flow) -> None:
    filled.has_recipe({**PRICES, "max_tokens": 50}, name="compute_answers")
    (code,) = [it for _, it in Document.read(ROOT / "docs/python.md").fenced if "forecast(" in it]
    libraries = 'import dataiku\ndataiku.use_plugin_libs("mesh-prompt-batch")\n'
    checks = "assert found.cost.low <= found.cost.middle <= found.cost.high\n"
    result = filled.code_recipe(libraries + code + checks, filled.project.folder)
    assert result.succeeded, result.text
    assert re.search(r"\d \d", result.text)
    assert len(filled.mesh.calls) == 50


@pytest.mark.parametrize(("limit", "outcome"), [(20.0, SUCCESS), (0.001, FAILED)])
def test_a_night_is_built_where_its_forecast_allows_it(
    flow: Flow, limit: float, outcome: str
) -> None:
    flow.previous_output()
    flow.ask(*(f"question {n}" for n in range(25)))
    settings = {**PRICES, "max_tokens": 50, "max_retries": 0}
    flow.has_recipe(settings, name="compute_answers")
    steps = example("nightly-batch")
    steps[1]["params"]["config"]["fail_above"] = limit
    night = ScenarioFlow(flow, {"answers": {**CONFIG, **settings}})
    ended = night.run(steps)
    assert ended.outcomes()["Forecast"] == outcome
    assert ended.outcomes()["Build"] == (SUCCESS if outcome == SUCCESS else "")
    assert flow.untouched() == (outcome == FAILED)
    assert ("above 'Fail above' (0.001)" in ended.report) == (outcome == FAILED)
