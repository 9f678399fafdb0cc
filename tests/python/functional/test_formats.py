"""Answers as text, as JSON and by a schema: every output format through the job runner."""

import json
from typing import Any

import pytest

from local_dss import faults
from local_dss.faults import Answer
from local_flow import Flow, failures

CANARY = "canary-schema-3f9d"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "label": {"enum": ["Positive", "Negative"], "description": f"How it reads {CANARY}"},
        "stars": {"type": "integer"},
        "share": {"type": ["number", "null"]},
        "sure": {"type": "boolean"},
        "tags": {"type": "array"},
        "Completion": {"type": "string"},
    },
    "required": ["label"],
}
BY_SCHEMA = {"output_format": "json_schema", "json_schema": json.dumps(SCHEMA)}
WHOLE = {
    "label": "Negative",
    "stars": 4,
    "share": 0.5,
    "sure": False,
    "tags": ["é"],
    "Completion": "half \ud83d",
}
NAMES = ["label", "stars", "share", "sure", "tags", "Completion_1"]


def scripted(flow: Flow, **answers: str) -> None:
    """By question; asked again, an LLM improves where there is an answer to it."""
    corrected = answers.get("corrected", "no better")
    flow.mesh.answer = lambda question: answers.get(question, corrected)


def test_properties_become_typed_columns_and_the_text_stays(flow: Flow) -> None:
    scripted(
        flow,
        whole=json.dumps(WHOLE),
        chatty=f"Sure!\n```json\n{json.dumps(WHOLE)}\n```\nAnything else?",
        python="{'label': 'Positive', 'sure': True, 'share': None,}",
    )
    flow.ask("whole", "chatty", "python", "whole")
    result = flow.run({**BY_SCHEMA, "output_columns": "full"})
    assert result.succeeded, result.text
    schema = flow.project.dataset("answers").schema
    assert [(it["name"], it["type"]) for it in schema[-6:]] == [
        ("label", "string"),
        ("stars", "bigint"),
        ("share", "double"),
        ("sure", "boolean"),
        ("tags", "string"),
        ("Completion_1", "string"),
    ]
    assert schema[-6]["comment"] == f"How it reads {CANARY}"
    cells = [[row[name] for name in NAMES] for row in flow.answers]
    whole = ["Negative", "4", "0.5", "false", '["é"]', "half �"]
    assert cells == [whole, whole, ["Positive", "", "", "true", "", ""], whole]
    assert flow.column("completion")[1].startswith("Sure!\n```json")
    assert flow.column("attempts") == ["1", "1", "1", "0"]
    assert flow.column("source") == ["call", "call", "call", "identical"]
    assert CANARY not in result.text
    assert "output format: json_schema" in result.text
    told = flow.mesh.calls[0].body["messages"][0]
    assert told["role"] == "system"
    assert told["content"].endswith(json.dumps(SCHEMA))


def test_an_answer_that_is_wrong_is_asked_again_and_fails_with_its_words_in_the_end(
    flow: Flow,
) -> None:
    answers = {"good": '{"label": "Positive"}', "mends": '{"label": "So-so"}'}

    def answer(question: str) -> str:
        corrected = answers["good"] if "'So-so'" in question else f"no, {CANARY}"
        return answers.get(question, corrected)

    flow.mesh.answer = answer
    flow.ask("good", "mends", "never")
    result = flow.run(BY_SCHEMA)
    assert result.succeeded, result.text
    assert failures(flow.answers) == {"never": "invalid_output"}
    assert flow.column("attempts") == ["1", "2", "3"]
    assert flow.column("label") == ["Positive", "Positive", ""]
    assert flow.column("completion")[2] == f"no, {CANARY}"
    assert flow.column("error_message")[2] == "It holds no JSON object."
    assert flow.column("finish_reason") == ["stop"] * 3
    tokens = [int(it) for it in flow.column("prompt_tokens")]
    assert tokens[2] > 3 * tokens[0]
    assert "invalid_output: 1" in result.text
    assert CANARY not in result.text


def test_a_cut_answer_gets_twice_the_room_once(flow: Flow) -> None:
    long = {"label": "Positive", "Completion": " ".join(["word"] * 8)}
    longer = {"label": "Positive", "Completion": " ".join(["word"] * 30)}
    scripted(flow, long=json.dumps(long), longer=json.dumps(longer))
    flow.ask("long", "longer")
    result = flow.run({**BY_SCHEMA, "max_tokens": 8, "max_concurrency": 1})
    assert result.succeeded, result.text
    assert [call.body["max_tokens"] for call in flow.mesh.calls] == [8, 16, 8, 16]
    assert {len(call.body["messages"]) for call in flow.mesh.calls} == {2}
    assert flow.column("error_type") == ["", "truncated"]
    assert flow.column("finish_reason") == ["stop", "length"]
    assert flow.column("completion")[1].startswith('{"label": "Positive", "Completion": "word')
    assert flow.column("Completion_1") == [long["Completion"], ""]


def test_filters_are_told_apart_from_bad_answers(flow: Flow) -> None:
    filtered = {"finish_reason": "content_filter", "message": {"content": '{"label": "Pos'}}

    def fault(question: str, time: int, _call: int) -> Answer | None:
        if question == "filtered":
            return faults.respond(json.dumps({"choices": [filtered]}))
        return faults.guardrail(question) if question == "toxic" else None

    scripted(flow, fine='{"label": "Positive"}')
    flow.mesh.fault = fault
    flow.ask("filtered", "toxic", "fine")
    assert flow.run(BY_SCHEMA).succeeded
    assert failures(flow.answers) == {"filtered": "guardrail", "toxic": "guardrail"}
    assert len(flow.mesh.calls) == 3


def test_json_without_a_schema_adds_no_column(flow: Flow) -> None:
    scripted(flow, object='{"a": 1}', array='[{"a": 1}]', words="no", corrected='So: {"b": 2}')
    flow.ask("object", "array", "words")
    assert flow.run({"output_format": "json", "json_schema": "{"}).succeeded
    assert flow.column("completion") == ['{"a": 1}', '[{"a": 1}]', 'So: {"b": 2}']
    assert flow.column("attempts") == ["1", "1", "2"]
    assert "label" not in flow.answers[0]


@pytest.mark.parametrize(
    ("behaviour", "stars", "attempts"), [("honoured", "4", "1"), ("ignored", "5", "1")]
)
def test_a_native_schema_is_sent_where_the_llm_takes_it(
    flow: Flow, behaviour: str, stars: str, attempts: str
) -> None:
    flow.mesh.response_format = behaviour
    flow.mesh.answer = lambda question: (
        '{"label": "Negative", "stars": 5}' if behaviour == "ignored" else question
    )
    flow.ask("four")
    assert flow.run({**BY_SCHEMA, "native_json_schema": True}).succeeded
    (call,) = flow.mesh.calls
    assert call.body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert flow.column("stars") == [stars]
    assert flow.column("attempts") == [attempts]


def test_a_native_schema_that_is_refused_ends_the_run_without_a_second_call_a_row(
    flow: Flow,
) -> None:
    flow.previous_output()
    flow.ask("a")
    result = flow.run({**BY_SCHEMA, "native_json_schema": True})
    assert not result.succeeded
    assert "No row was answered (bad_request" in result.banner
    assert flow.untouched()
    assert len(flow.mesh.calls) == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "'JSON schema' is missing"),
        ('{"type": "object",\n "properties": {"a" 1}}', "(line 2, column 21)"),
        ('{"type": "object",\n "properties": {"a": {"$ref": "http://x"}}}', "never fetched"),
    ],
)
def test_a_schema_that_cannot_be_used_stops_before_any_call(
    flow: Flow, text: str, sentence: str
) -> None:
    flow.previous_output()
    flow.ask("a")
    result = flow.run({**BY_SCHEMA, "json_schema": text})
    assert not result.succeeded
    assert "'JSON schema'" in result.banner
    assert sentence in result.banner
    assert flow.untouched()
    assert not flow.mesh.calls


def test_resumed_rows_fill_the_same_columns_and_failed_ones_are_asked_again(flow: Flow) -> None:
    flow.defaults = {"outputs": {"completions": ["answers"], "run_folder": ["run"]}}
    scripted(flow, good=f"So: {json.dumps(WHOLE)}", bad="no")
    flow.ask("good", "bad")
    assert flow.run(BY_SCHEMA).succeeded
    first = [[row[name] for name in NAMES] for row in flow.answers]
    assert failures(flow.answers) == {"bad": "invalid_output"}
    scripted(flow, bad='{"label": "Positive"}')
    flow.mesh.calls.clear()
    assert flow.run({**BY_SCHEMA, "output_columns": "full"}).succeeded
    assert len(flow.mesh.calls) == 1
    assert flow.column("source") == ["resumed", "call"]
    assert [row[name] for name in NAMES for row in flow.answers[:1]] == first[0]
    assert flow.column("label") == ["Negative", "Positive"]
