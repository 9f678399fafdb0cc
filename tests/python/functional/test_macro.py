"""The macro List available LLMs, run as DSS runs it."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from local_dss import faults
from local_dss.abilities import Abilities
from local_dss.llms import LLM_ID
from local_flow import Flow

pytestmark = pytest.mark.cold


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


def test_later_steps_find_the_list_in_a_variable_and_in_a_dataset(flow: Flow) -> None:
    flow.mesh.project.variables = {"standard": {"region": "eu"}, "local": {"llms": "mine"}}
    flow.mesh.project.recipes = {"compute_answers": (["prompts"], ["answers"])}
    flow.project.create("llms", [], [])
    config = {"check_availability": True, "save_to_variable": "llms", "save_to_dataset": "llms"}
    required = {"required_llm_ids": ["openai:gone:model"]}
    result = flow.macro({**config, **required})
    assert "does not list openai:gone:model" in result.banner
    table = flow.project.dataset("llms")
    assert [it["type"] for it in table.schema] == ["string"] * 7
    status = {row["llm_id"]: row["status"] for row in table.rows()}
    assert status == {
        "agent:aBcD1234": "not checked",
        "bedrock:aws:anthropic.claude-v1:0": "answers",
        LLM_ID: "answers",
        "openai:gone:model": "missing",
    }
    saved = [{"id": llm_id, "status": it} for llm_id, it in status.items()]
    assert flow.mesh.project.variables == {
        "standard": {"region": "eu", "llms": saved},
        "local": {"llms": "mine"},
    }
    again = flow.macro(config)
    assert again.succeeded, again.text
    assert [row["llm_id"] for row in table.rows()] == [row[0] for row in again.result["records"]]
    assert not again.left_open


def test_a_dataset_that_a_recipe_builds_or_that_holds_something_else_is_left_alone(
    flow: Flow,
) -> None:
    flow.previous_output()
    flow.ask("mine")
    flow.mesh.project.recipes = {"compute_answers": (["prompts"], ["answers"])}
    refused = {
        "answers": "a recipe builds answers and would write over the table",
        "prompts": "prompts has other columns than this macro's",
        "gone": "there is no dataset gone in this project",
        "OTHER.table": "there is no dataset OTHER.table in this project",
    }
    for name, words in refused.items():
        result = flow.macro({"check_availability": True, "save_to_dataset": name})
        assert f"'Save to dataset': {words}" in result.banner
    assert flow.untouched()
    assert flow.project.dataset("prompts").rows() == [{"number": "1", "question": "mine"}]
    assert not flow.mesh.calls


CAPABLE = {
    "system_message": "honoured",
    "streaming": "honoured",
    "usage": "reported",
    "json_by_prompt": "honoured",
    "response_format": "honoured",
    "tools": "honoured",
    "images": "honoured",
    "temperature": "accepted",
    "max_tokens": "honoured",
}
SWITCHED = [it for it in CAPABLE if it not in ("usage", "temperature")]


def all_of(names: Iterable[str], what: Any) -> Abilities:
    return Abilities(**dict.fromkeys(names, what))


def probed(flow: Flow, abilities: Abilities, **config: object) -> dict[str, str]:
    """The row of the one LLM that has these abilities."""
    flow.mesh.response_format = "honoured"
    flow.mesh.fault_of = {LLM_ID: abilities}
    result = flow.macro({"probe_capabilities": True, "name_filter": LLM_ID, **config})
    assert result.succeeded, result.text
    assert not result.left_open
    names = [it["name"] for it in result.result["columns"]]
    (row,) = [it for it in result.result["records"] if it[0] == LLM_ID]
    assert row[names.index("status")] == "answers"
    assert int(row[names.index("calls")]) == len(flow.mesh.calls) <= 10
    assert result.result["progress"][-1] == 100
    assert "query was" not in result.text, "a provider's words"
    return {name: row[names.index(name)] for name in CAPABLE}


def test_an_llm_that_can_do_everything_is_said_to(flow: Flow) -> None:
    assert probed(flow, Abilities()) == CAPABLE


def test_what_is_ignored_and_what_is_refused_are_told_apart(flow: Flow) -> None:
    ignoring = replace(all_of(SWITCHED, "ignored"), usage=(True, False))
    assert probed(flow, ignoring) == {
        **dict.fromkeys(SWITCHED, "ignored"),
        "usage": "reported",
        "temperature": "accepted",
    }
    flow.mesh.calls.clear()
    refusing = all_of([*SWITCHED, "temperature"], "refused")
    assert probed(flow, refusing) == {
        **dict.fromkeys(CAPABLE, "refused"),
        # The instruction to answer with JSON goes into the system message.
        "json_by_prompt": "refused",
        "usage": "reported",
    }


def test_probes_go_out_side_by_side_and_one_llm_s_failure_is_its_row(flow: Flow) -> None:
    other = "bedrock:aws:anthropic.claude-v1:0"
    flow.mesh.fault_of = {
        LLM_ID: Abilities(usage=(False, True)),
        other: faults.gateway_page(503),
    }
    result = flow.macro({"probe_capabilities": True, "save_to_variable": "llms"})
    assert result.succeeded, result.text
    rows = {row[0]: row[5:] for row in result.result["records"]}
    assert rows[other] == ["server (HTTP 503)", "", *["not checked"] * 9, "1", "", ""]
    assert rows["agent:aBcD1234"][:3] == ["not checked", "", "not checked"]
    assert rows[LLM_ID][4] == "when streamed"
    assert result.result["name"].startswith("10 calls, ")
    assert result.result["name"] in result.text
    assert {it["status"] for it in flow.mesh.project.variables["standard"]["llms"]} == {
        "answers",
        "not checked",
        "server (HTTP 503)",
    }


def test_a_retrieval_llm_or_agent_is_probed_by_name_and_nobody_against_the_admins(
    flow: Flow,
) -> None:
    flow.mesh.fault_of = {"agent:aBcD1234": Abilities()}
    allowed = {"allowed_llm_ids": ["agent:aBcD1234"]}
    config = {"probe_capabilities": True, "required_llm_ids": ["agent:aBcD1234"]}
    result = flow.macro(config, plugin_config=allowed)
    assert result.succeeded, result.text
    status = {row[0]: row[5] for row in result.result["records"]}
    assert status == {
        "agent:aBcD1234": "answers",
        "bedrock:aws:anthropic.claude-v1:0": "not allowed",
        LLM_ID: "not allowed",
    }
    assert {call.body["model"] for call in flow.mesh.calls} == {"agent:aBcD1234"}
