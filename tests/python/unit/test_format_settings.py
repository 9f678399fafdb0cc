"""The form of answers: what the LLM is told, which answers count, and the columns they fill."""

import json
from typing import Any

import pytest

from mesh_prompt_batch.completion import CompletionRequest
from mesh_prompt_batch.errors import SettingsError
from mesh_prompt_batch.fingerprint import fingerprint
from mesh_prompt_batch.form import Form
from mesh_prompt_batch.format_settings import LABELS, FormatSettings
from mesh_prompt_batch.found_json import InvalidAnswerError

CANARY = "canary-2b91"
SCHEMA = {
    "type": "object",
    "properties": {
        "label": {"enum": ["Positive", "Negative"]},
        "stars": {"type": "integer"},
        "title": {"type": "string", "description": CANARY},
    },
    "required": ["label"],
}
REQUEST = CompletionRequest("llm", ({"role": "user", "content": "q"},), {"max_tokens": 9})


def wanted(output_format: str = "json_schema", **config: object) -> FormatSettings:
    asked = {"output_format": output_format, "json_schema": json.dumps(SCHEMA), **config}
    return FormatSettings.from_form(Form(asked, LABELS))


def test_text_changes_nothing_and_reads_no_schema() -> None:
    plain = wanted("text", json_schema="{")
    assert plain == FormatSettings.from_form(Form({}, LABELS)) == FormatSettings()
    assert plain.applied(REQUEST) is REQUEST
    assert wanted("json", json_schema="{").schema is None


@pytest.mark.parametrize("text", [None, "", " \n"])
def test_a_schema_that_is_missing_is_named_by_its_label(text: str | None) -> None:
    with pytest.raises(SettingsError, match="'JSON schema' is missing: write the JSON schema"):
        wanted(json_schema=text)


def test_a_schema_that_is_broken_is_named_by_its_label_with_line_and_column() -> None:
    with pytest.raises(
        SettingsError, match=r"'JSON schema' is broken JSON: .*line 2, column 3\)\."
    ):
        wanted(json_schema="{\n  type: 1}")
    assert wanted(json_schema="\ufeff" + json.dumps(SCHEMA)).schema is not None


def test_the_log_does_not_see_the_schema() -> None:
    told = str(wanted(native_json_schema=True).described()) + repr(wanted())
    assert CANARY not in told
    assert "SHA-256" in told
    assert "response_format" in told


def test_the_llm_is_told_behind_the_system_message_or_in_one_of_its_own() -> None:
    (told, asked) = wanted().applied(REQUEST).messages
    assert told["role"] == "system"
    assert str(told["content"]).endswith(json.dumps(SCHEMA))
    assert asked == REQUEST.messages[0]
    system = {"role": "system", "content": "Be brief."}
    request = CompletionRequest("llm", (system, *REQUEST.messages), {})
    (told, asked) = wanted("json").applied(request).messages
    assert str(told["content"]).startswith("Be brief.\n\nAnswer with one JSON object and nothing")
    parts = {"role": "system", "content": [{"type": "text", "text": "Be brief."}]}
    request = CompletionRequest("llm", (parts, *REQUEST.messages), {})
    told = wanted("json").applied(request).messages[0]
    assert [it["type"] for it in told["content"]] == ["text", "text"]  # type: ignore[attr-defined]
    assert len(parts["content"]) == 1


def test_the_native_schema_is_another_request_with_an_answer_of_its_own() -> None:
    by_prompt, native = wanted().applied(REQUEST), wanted(native_json_schema=True).applied(REQUEST)
    assert "response_format" not in by_prompt.parameters
    assert native.messages == by_prompt.messages
    sent: Any = native.body()["response_format"]
    assert (sent["type"], sent["json_schema"]["strict"]) == ("json_schema", True)
    assert sent["json_schema"]["schema"] == SCHEMA
    assert native.parameters["max_tokens"] == 9
    ways = (REQUEST, by_prompt, native, wanted("json", native_json_schema=True).applied(REQUEST))
    assert len({fingerprint(it) for it in ways}) == 4
    assert "response_format" not in ways[3].parameters


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"label": "Positive"}', {"label": "Positive"}),
        ('Not {"label": "So-so"} but {"label": "Negative"}', {"label": "Negative"}),
        (f'The schema {json.dumps(SCHEMA)} wants {{"label": "Negative"}}', {"label": "Negative"}),
        ('Here: [{"a": 1}] {"label": "Negative"}', {"label": "Negative"}),
    ],
)
def test_the_first_object_that_keeps_to_the_schema_counts(text: str, value: object) -> None:
    assert wanted().value_in(text) == value


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Positive", "It holds no JSON object."),
        ('[{"label": "Positive"}]', "It holds no JSON object."),
        ('{"label": "So-so"}', "label: 'So-so' is not one of ['Positive', 'Negative']"),
        ('{"label": "So-so"} {"label": tru}', "label: 'So-so' is not one of"),
        ('{"label": tru}', "The JSON is broken: Expecting value."),
        (f'{{"label": "Positive", "stars": {2**63}}}', "stars: the number is too large."),
    ],
)
def test_an_answer_that_does_not_count_is_told_why(text: str, problem: str) -> None:
    with pytest.raises(InvalidAnswerError) as caught:
        wanted().value_in(text)
    assert str(caught.value).startswith(problem)
    assert wanted().cells(text)[0] in (None, "Positive", "So-so")


def test_json_without_a_schema_is_an_object_or_objects() -> None:
    assert wanted("json").value_in("So: {'a': None}") == {"a": None}
    assert wanted("json").value_in('[{"a": 1}]') == [{"a": 1}]
    with pytest.raises(InvalidAnswerError, match="no JSON object or array of objects"):
        wanted("json").value_in("None")
    assert wanted("json").cells("{}") == []


def test_cells_stand_in_the_order_of_the_properties() -> None:
    text = '{"stars": 4.0, "more": 1, "label": "Positive"}'
    assert wanted().cells(text) == ["Positive", 4, None]
