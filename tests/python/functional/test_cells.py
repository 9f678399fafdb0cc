"""Every input row comes out, in input order, its cells untouched."""

import io
import json

import pandas as pd
import pytest

from local_dss.behaviour import Behaviour
from local_dss.faults import respond
from local_flow import Flow

COLUMNS: list[dict[str, object]] = [
    {"name": "number", "type": "string", "comment": "key", "maxLength": 12},
    {"name": "question", "type": "string", "originalType": "varchar"},
    {"name": "when", "type": "date"},
    {"name": "flag", "type": "boolean"},
    {"name": "count", "type": "bigint", "comment": "may be null"},
    {"name": "ratio", "type": "double"},
]
TYPED = ["2020-12-31T00:00:00.101Z", "true", "9007199254740993", "0.1"]
NULLS = ["", "", "", ""]
NUL = "a\x00NUL"
# Before pandas 3 its reader, which is DSS's, ends a cell at NUL.
NUL_AS_PANDAS_READS_IT = str(pd.read_csv(io.StringIO(NUL), header=None).iloc[0, 0])
TEXTS = [
    "NA",
    "None",
    "null",
    "nan",
    "007",
    "1e5",
    "true",
    "  two leading spaces",
    "trailing ",
    "tab\there",
    "two\nlines",
    "carriage\r\nreturn",
    'say "yes", he said',
    '"quoted"',
    "emoji 🎈 and é",
    NUL,
    "x" * 20_000,
    "comma, semicolon; backslash \\n",
    "${variable} {{template}}",
]


def test_cells_types_and_comments_go_through_untouched_and_in_order(flow: Flow) -> None:
    rows = [[f"{n:03d}", text, *(NULLS if n % 3 == 0 else TYPED)] for n, text in enumerate(TEXTS)]
    flow.project.create("prompts", COLUMNS, rows)
    result = flow.run({"max_concurrency": 4})
    assert result.succeeded, result.text
    names = [str(column["name"]) for column in COLUMNS]
    assert [[row[name] for name in names] for row in flow.answers] == [
        [cell.replace(NUL, NUL_AS_PANDAS_READS_IT) for cell in row] for row in rows
    ]
    assert flow.column("completion") == [
        f"You said: {text}".replace(NUL, NUL_AS_PANDAS_READS_IT.replace("\x00", "�"))
        for text in TEXTS
    ]
    schema = flow.project.dataset("answers").schema
    assert schema[0] == COLUMNS[0]
    assert [(it["name"], it["type"]) for it in schema[:6]] == [
        (it["name"], it["type"]) for it in COLUMNS
    ]
    assert "originalType" not in schema[1]
    assert all(it["comment"] for it in schema[6:])


@pytest.mark.parametrize("gives_a_chunk", [True, False])
def test_zero_rows_give_the_schema_and_zero_rows(flow: Flow, gives_a_chunk: bool) -> None:
    flow.project.create("prompts", COLUMNS, [])
    result = flow.run(behaviour=Behaviour(zero_rows_give_a_chunk=gives_a_chunk))
    assert result.succeeded, result.text
    assert flow.answers == []
    assert [it["name"] for it in flow.project.dataset("answers").schema][5:8] == [
        "ratio",
        "completion",
        "error_type",
    ]
    assert not flow.mesh.calls


def test_a_name_clash_gets_a_suffix_and_the_full_set_shows_what_was_sent_and_received(
    flow: Flow,
) -> None:
    row = {"Completion": "mine", "system": "be brief", "question": "why?", "dropped": "x"}
    rows = [row, {**row, "question": "why not?"}, row]
    flow.project.create_texts("prompts", rows)
    flow.mesh.usage_missing_every = 2
    config = {
        "system_column": "system",
        "columns_to_keep": ["question", "Completion"],
        "output_columns": "full",
        "row_limit": 2,
        "stop_sequences": ["\n\n"],
        "top_p": 0.5,
        "temperature": "",
        "max_concurrency": 1,
    }
    result = flow.run(config)
    assert result.succeeded, result.text
    first, second = flow.answers
    assert list(first) == [
        *("Completion", "question", "completion_1", "error_type", "error_message", "finish_reason"),
        *("prompt_tokens", "completion_tokens", "cost", "latency_seconds", "attempts"),
        *("answered_by", "source", "time_to_first_token_seconds", "messages_sent", "raw_response"),
    ]
    assert (first["Completion"], first["completion_1"]) == ("mine", "You said: why?")
    assert json.loads(first["messages_sent"]) == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "why?"},
    ]
    assert json.loads(first["raw_response"])["choices"][0]["finish_reason"] == "stop"
    assert (first["prompt_tokens"], first["completion_tokens"]) == ("3", "3")
    assert (second["prompt_tokens"], second["completion_tokens"]) == ("", "")
    sent = flow.mesh.calls[0].body
    assert sent["stop"] == ["\n\n"]
    assert sent["top_p"] == 0.5
    assert sent["max_tokens"] == 500
    assert type(sent["max_tokens"]) is int
    assert "temperature" not in sent


def test_what_storage_cannot_hold_is_replaced_in_the_answers(flow: Flow) -> None:
    choice = {"finish_reason": "stop", "message": {"content": "a\x00b\ud83dc"}}
    flow.mesh.fault = lambda *_: respond(json.dumps({"choices": [choice]}))
    flow.ask("why?", "")
    result = flow.run({"output_columns": "full"}, behaviour=Behaviour(storage_refuses="\x00"))
    assert result.succeeded, result.text
    assert flow.column("completion") == ["a�b�c", ""]
    assert flow.column("error_type") == ["", "invalid_row"]
    assert "'question' is blank" in flow.column("error_message")[1]
    assert len(flow.mesh.calls) == 1


def test_a_cut_off_answer_is_marked(flow: Flow) -> None:
    flow.ask("one two three four five")
    assert flow.run({"max_tokens": 4}).succeeded
    assert flow.column("completion") == ["You said: one two"]
    assert flow.column("finish_reason") == ["length"]
