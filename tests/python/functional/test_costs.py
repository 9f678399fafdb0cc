"""Prices, failed rows and metrics of real jobs: what the log says equals what the outputs hold."""

import re
from decimal import Decimal
from itertools import product

import pytest

from local_dss import faults
from local_dss.behaviour import Behaviour
from local_dss.faults import Answer
from local_dss.llms import LLM_ID
from local_flow import Flow

PRICES = {"price_per_million_input_tokens": 2.5, "price_per_million_output_tokens": 10}
OUTPUTS = {"completions": ["answers"], "failed_rows": ["failures"], "run_folder": ["run"]}
BAD, LISTED = "a bad one", "openai:demo:gpt-4o"


def refusing(question: str, _nth: int, _call: int) -> Answer | None:
    return faults.refusal(400, f"Not this: {question}") if question == BAD else None


def summed(flow: Flow, name: str) -> Decimal:
    return sum((Decimal(it) for it in flow.column(name) if it), Decimal(0))


def test_the_log_s_totals_and_the_metrics_equal_the_sums_over_the_output(flow: Flow) -> None:
    flow.ask("one two three", "four", "four", BAD, "five six")
    flow.mesh.fault = refusing
    result = flow.run(PRICES, outputs=OUTPUTS)
    assert result.succeeded, result.text
    tokens = summed(flow, "prompt_tokens"), summed(flow, "completion_tokens")
    cost = (Decimal("2.5") * tokens[0] + 10 * tokens[1]) / 1_000_000
    assert summed(flow, "cost") == cost > 0
    assert flow.column("cost")[2:4] == ["0.0", ""]
    total = next(line for line in result.text.splitlines() if "Total: " in line)
    assert f"{tokens[0]:,} + {tokens[1]:,} tokens, cost {cost}" in total
    assert re.search(
        r"Output: 5 rows, 1 failed, .*, cost [\d.]+, [\d.]+ per 1,000 rows", result.text
    )
    assert (
        "Without token counts, so not in the totals: 0 answered and 1 failed calls" in result.text
    )
    assert flow.project.dataset("answers").metrics == {
        "": {
            "prompt_batch_rows": 5,
            "prompt_batch_failed": 1,
            "prompt_batch_tokens": int(sum(tokens)),
            "prompt_batch_cost": float(cost),
        }
    }
    (failed,) = flow.project.dataset("failures").rows()
    assert (failed["question"], failed["row_number"], failed["llm_id"]) == (BAD, "4", LLM_ID)
    assert f"Run {failed['run_id']}. Settings: " in result.text


def test_a_known_model_has_its_list_price_and_the_log_says_so(flow: Flow) -> None:
    flow.ask("a", "b")
    flow.mesh.unlisted = (LISTED,)
    result = flow.run({"llm_id": LISTED})
    assert result.succeeded, result.text
    assert f"List price assumed for {LISTED}: 2.50 in, 10.00 out, a million tokens" in result.text
    assert summed(flow, "cost") > 0


def test_an_unknown_price_stays_blank(flow: Flow) -> None:
    flow.ask("a")
    result = flow.run()
    assert f"No price is known for {LLM_ID}: its cost stays blank." in result.text
    assert flow.column("cost") == [""]
    assert "cost" not in next(it for it in result.text.splitlines() if "Total: " in it)


def test_metrics_that_are_refused_cost_a_line_of_the_log(flow: Flow) -> None:
    flow.ask("a")
    result = flow.run(behaviour=Behaviour(metrics_refused=True))
    assert result.succeeded, result.text
    assert "could not be published as metrics of the output (RuntimeError)" in result.text


def test_half_a_price_ends_the_recipe_before_any_call(flow: Flow) -> None:
    flow.ask("a")
    result = flow.run({"price_per_million_input_tokens": 1})
    assert "'Price of a million output tokens' is blank" in result.banner
    assert not flow.mesh.calls


def test_appended_failed_rows_need_the_columns_that_are_there(flow: Flow) -> None:
    flow.ask("a")
    flow.project.create("failures", [{"name": "other", "type": "string"}], [["kept"]])
    result = flow.run(outputs=OUTPUTS, appends=["failures"])
    assert "needs the columns that 'failures' has" in result.banner
    assert not flow.mesh.calls
    assert flow.project.dataset("failures").rows() == [{"other": "kept"}]


# The first output is opened and closed, then the second.
BETWEEN = ["the output is whole:1", "the output is cleared:2", "a row is written:4"]


@pytest.mark.parametrize(("moment", "number"), [*product(BETWEEN, (9, 15))])
def test_killed_between_the_two_outputs_the_next_run_writes_both_again(
    flow: Flow, moment: str, number: int
) -> None:
    flow.ask("a", BAD, "c")
    flow.mesh.fault = refusing
    behaviour = Behaviour(killed_at=f"{moment}:{number}")
    assert not flow.run(PRICES, outputs=OUTPUTS, behaviour=behaviour).succeeded
    calls = len(flow.mesh.calls)
    finished = flow.run(PRICES, outputs=OUTPUTS)
    assert finished.succeeded, finished.text
    assert len(flow.mesh.calls) == calls + 1
    assert flow.column("question") == ["a", BAD, "c"]
    assert [it["question"] for it in flow.project.dataset("failures").rows()] == [BAD]
    assert summed(flow, "cost") == Decimal(
        str(flow.project.dataset("answers").metrics[""]["prompt_batch_cost"])
    )
