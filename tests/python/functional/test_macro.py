"""The macro List available LLMs, run as DSS runs it."""

from local_dss import faults
from local_dss.llms import LLM_ID
from local_flow import Flow


def test_the_table_has_the_ids_first_and_blanks_for_what_dss_leaves_out(flow: Flow) -> None:
    flow.mesh.llms = [*flow.mesh.llms, {"id": "custom:bare", "purposes": ["GENERIC_COMPLETION"]}]
    result = flow.macro({})
    assert result.succeeded, result.text
    labels = [column["label"] for column in result.result["columns"]]
    assert labels == ["LLM id", "Label", "Provider type", "Connection", "Purposes"]
    completion = "GENERIC_COMPLETION"
    assert result.result["records"] == [
        ["agent:aBcD1234", "Support agent", "SAVED_MODEL_AGENT", "", completion],
        ["bedrock:aws:anthropic.claude-v1:0", "Claude on AWS", "BEDROCK", "aws", completion],
        ["custom:bare", "", "", "", completion],
        [LLM_ID, "Small model (demo)", "OPENAI", "demo", completion],
    ]
    assert not flow.mesh.calls


def test_purposes_and_a_filter_choose_and_availability_is_checked_with_progress(flow: Flow) -> None:
    flow.mesh.fault = lambda _q, _t, call: faults.gateway_page(503) if call > 1 else None
    config = {
        "purposes": ["GENERIC_COMPLETION", "TEXT_EMBEDDING_EXTRACTION"],
        "check_availability": True,
    }
    result = flow.macro(config)
    assert result.succeeded, result.text
    status = {row[0]: row[5] for row in result.result["records"]}
    assert status["agent:aBcD1234"] == "not checked"
    assert status["huggingfacelocal:hf:intfloat/e5=base"] == "not checked"
    asked = [status[LLM_ID], status["bedrock:aws:anthropic.claude-v1:0"]]
    assert sorted(asked) == ["answers", "server (HTTP 503)"]
    assert result.result["progress"] == [50, 100]
    assert result.result["progress_target"] == [100, "NONE"]
    assert all(call.body["max_tokens"] == 1 for call in flow.mesh.calls)
    filtered = flow.macro({"name_filter": "CLAUDE"})
    assert [row[0] for row in filtered.result["records"]] == ["bedrock:aws:anthropic.claude-v1:0"]


def test_a_required_llm_that_is_missing_fails_the_scenario_step(flow: Flow) -> None:
    result = flow.macro({"required_llm_ids": [LLM_ID, "openai:gone:model"]})
    assert not result.succeeded
    assert "'Required LLM ids': the LLM Mesh does not list openai:gone:model" in result.banner


def test_a_required_llm_that_does_not_answer_fails_it_too_agents_included(flow: Flow) -> None:
    flow.mesh.fault = lambda *_: faults.gateway_page(503)
    config = {"required_llm_ids": ["agent:aBcD1234"], "check_availability": True}
    result = flow.macro({**config, "name_filter": "nothing else"})
    assert "Required LLMs do not answer: agent:aBcD1234 (server (HTTP 503))." in result.banner
    assert len(flow.mesh.calls) == 1
