"""The output dataset: its columns, and an outcome's cells."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import answered
from mesh_prompt_batch.completion import Completion, CompletionRequest, Failure
from mesh_prompt_batch.failed_rows import planned_failed_rows
from mesh_prompt_batch.output import Decided, planned_output, unique_names
from mesh_prompt_batch.settings import Settings
from mesh_prompt_batch.storable import storable
from mesh_prompt_batch.usage import NOTHING_REPORTED, Usage

NAMES = st.lists(st.sampled_from(["a", "A", "a_1", "b", "completion", "Completion_1"]), max_size=6)
REQUEST = CompletionRequest("llm", ({"role": "user", "content": "é"},), {})


def settings(**config: object) -> Settings:
    return Settings.from_config({"llm_id": "llm", "user_column": "q", **config}, {})


@given(NAMES, st.lists(st.sampled_from(["a", "b_1", "COMPLETION"]), unique=True))
def test_names_never_clash_ignoring_case_and_the_input_s_win(
    names: list[str], taken: list[str]
) -> None:
    unique = unique_names(names, taken)
    every = [name.casefold() for name in (*unique, *taken)]
    assert len(set(every)) == len(every)
    assert all(
        new == old or new.startswith(f"{old}_") for new, old in zip(unique, names, strict=True)
    )


@given(st.text(st.characters() | st.sampled_from("\x00\ud83d\udc00")))
def test_what_is_storable_fits_in_utf_8_without_nul_and_nothing_else_changes(text: str) -> None:
    stored = storable(text)
    assert "\x00" not in stored
    stored.encode()
    assert len(stored) == len(text)
    assert all(
        new == old or (new == "\ufffd" and (old == "\x00" or "\ud800" <= old <= "\udfff"))
        for new, old in zip(stored, text, strict=True)
    )


def test_the_set_of_columns_depends_on_the_settings_alone() -> None:
    schema = [{"name": "q", "type": "string", "comment": "mine"}, {"name": "id", "type": "bigint"}]
    plan = planned_output(schema, settings(output_columns="essential", columns_to_keep=["id"]))
    assert [it["name"] for it in plan.schema] == ["id", "completion", "error_type", "error_message"]
    assert plan.read == ("q", "id")
    decided = Decided(answered("yes"), "call", lambda: None)
    assert plan.output_row(["why?", "7"], decided) == ["7", "yes", None, None]
    whole = planned_output(schema, settings())
    assert whole.schema[0] == schema[0]


def test_an_outcome_fills_its_cells() -> None:
    plan = planned_output([{"name": "q", "type": "string"}], settings(output_columns="full"))
    names = [str(it["name"]) for it in plan.schema[1:]]
    answer = Completion("a\x00", "stop", Usage(3, None), "llm", 1.23456, 2, {"x": "é"}, 0.12345)
    cells = dict(
        zip(
            names, plan.output_row(["é"], Decided(answer, "call", lambda: REQUEST))[1:], strict=True
        )
    )
    assert cells["completion"] == "a\ufffd"
    assert (cells["prompt_tokens"], cells["completion_tokens"], cells["cost"]) == (3, None, None)
    assert (cells["latency_seconds"], cells["attempts"], cells["source"]) == (1.235, 2, "call")
    assert cells["time_to_first_token_seconds"] == 0.123
    assert json.loads(str(cells["raw_response"])) == {"x": "é"}
    assert json.loads(str(cells["messages_sent"])) == [{"role": "user", "content": "é"}]
    failed = Failure("invalid_row", "w" * 2000, 0, None, NOTHING_REPORTED)
    cells = dict(
        zip(names, plan.output_row(["é"], Decided(failed, "call", lambda: None))[1:], strict=True)
    )
    assert cells["error_type"] == "invalid_row"
    assert cells["error_message"] == "w" * 1000
    blank = set(names) - {"error_type", "error_message", "attempts", "source"}
    assert {cells[name] for name in blank} == {None}


@pytest.mark.parametrize(("source", "tokens"), [("resumed", (2, 1)), ("identical", (0, 0))])
def test_a_row_without_a_call_counts_none_and_a_copy_costs_nothing(
    source: str, tokens: tuple[int, int]
) -> None:
    plan = planned_output([{"name": "q", "type": "string"}], settings(output_columns="full"))
    row = plan.output_row(["q"], Decided(answered("yes"), source, lambda: None))
    cells = dict(zip((str(it["name"]) for it in plan.schema), row, strict=True))
    assert (cells["attempts"], cells["source"], cells["completion"]) == (0, source, "yes")
    assert (cells["prompt_tokens"], cells["completion_tokens"]) == tokens


def test_no_cell_of_ours_holds_what_databases_refuse() -> None:
    plan = planned_output([{"name": "q", "type": "string"}], settings(columns_to_keep=["q"]))
    row = plan.output_row(["q"], Decided(answered("yes", "l\x00m"), "call", lambda: None))
    assert "l\ufffdm" in row
    asked = CompletionRequest("l\x00m", ({"role": "user", "content": "q"},), {})
    failed = Decided(Failure("not_found", "", 1), "call", lambda: asked)
    assert "l\ufffdm" in planned_failed_rows(plan, "run").output_row(1, ["q"], failed)
