"""Rows with settings of their own, several LLMs in one run, and the one that stands in for another."""

from local_dss import faults
from local_dss.llms import LLM_ID
from local_flow import Flow

OTHER, GONE = "bedrock:aws:anthropic.claude-v1:0", "openai:gone:model"
OWN = {"llm_id_column": "which", "temperature_column": "heat", "max_tokens_column": "room"}


def ask(flow: Flow, *rows: tuple[str, str, str]) -> None:
    names = ("which", "heat", "room")
    flow.project.create_texts(
        "prompts",
        [{"question": f"q{n}", **dict(zip(names, row, strict=True))} for n, row in enumerate(rows)],
    )


def test_rows_ask_their_own_llm_with_their_own_parameters_and_one_that_is_gone_costs_its_rows(
    flow: Flow,
) -> None:
    ask(
        flow,
        ("", "", ""),
        (OTHER, "1.5", "20"),
        (GONE, "", ""),
        (LLM_ID, "hot", ""),
        (OTHER, "", "0"),
    )
    result = flow.run(OWN)
    assert result.succeeded, result.text
    assert flow.column("answered_by") == [LLM_ID, OTHER, "", "", ""]
    assert flow.column("error_type") == ["", "", "not_found", "invalid_row", "invalid_row"]
    assert "'heat' must be a number" in flow.column("error_message")[3]
    sent = {call.body["model"]: call.body for call in flow.mesh.calls}
    assert (sent[LLM_ID]["temperature"], sent[LLM_ID]["max_tokens"]) == (0, 500)
    assert (sent[OTHER]["temperature"], sent[OTHER]["max_tokens"]) == (1.5, 20)
    assert f"{GONE} is given up, other LLMs go on" in result.text


def test_a_run_whose_llms_are_all_gone_stops(flow: Flow) -> None:
    ask(flow, (GONE, "", ""), ("openai:also:gone", "", ""))
    flow.previous_output()
    result = flow.run(OWN)
    assert "The Mesh has no such LLM" in result.banner
    assert flow.untouched()


def test_the_fallback_answers_where_the_llm_is_blocked(flow: Flow) -> None:
    flow.ask("a", "b", "c")
    flow.mesh.fault_of = {LLM_ID: faults.quota_blocked("a")}
    result = flow.run({"fallback_llm_id": OTHER, "max_concurrency": 1})
    assert result.succeeded, result.text
    assert flow.column("answered_by") == [OTHER] * 3
    assert flow.column("attempts") == ["2", "1", "1"]
    assert "A quota blocks the LLM (HTTP 500)" in result.text


def test_an_llm_that_only_fails_is_replaced_by_the_fallback_before_rows_are_lost(
    flow: Flow,
) -> None:
    flow.ask(*(f"q{n}" for n in range(40)))
    flow.mesh.fault_of = {LLM_ID: faults.gateway_page(503)}
    result = flow.run({"fallback_llm_id": OTHER, "max_retries": 6})
    assert result.succeeded, result.text
    assert flow.column("answered_by") == [OTHER] * 40
    assert sum(call.body["model"] == LLM_ID for call in flow.mesh.calls) < 30


def test_the_admins_ceilings_hold(flow: Flow) -> None:
    ask(flow, *[("", "", "")] * 12, (OTHER, "", ""))
    ceilings = {"max_concurrency_ceiling": 2, "allowed_llm_ids": [LLM_ID]}
    flow.mesh.delay_seconds = 0.05
    config = {**OWN, "max_concurrency": 8, "adaptive_concurrency": False}
    result = flow.run({**config, "send_identical_rows_once": False}, plugin_config=ceilings)
    assert result.succeeded, result.text
    assert flow.column("error_type")[-1] == "invalid_row"
    assert flow.mesh.turns.most_in_flight == 2
