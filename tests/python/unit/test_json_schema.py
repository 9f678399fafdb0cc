"""A JSON schema: refused before any call where it cannot be used, and what it says of a value."""

import json
import socket
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_prompt_batch.json_schema import LONGEST_PROBLEM, JsonSchema
from mesh_prompt_batch.schema_text import LONGEST, UnusableSchemaError, refused

CANARY = "canary-2b91"
ANY_SAMPLE = ["object", "array", "string", "integer", "null"]
TREE: dict[str, Any] = {
    "type": "object",
    "properties": {"children": {"type": "array", "items": {"$ref": "#"}}},
    "additionalProperties": False,
}


def schema(**keywords: object) -> JsonSchema:
    return JsonSchema.parsed(json.dumps({"type": "object", **keywords}))


def of(properties: object, **keywords: object) -> JsonSchema:
    return schema(properties=properties, **keywords)


def doubling(steps: int) -> dict[str, object]:
    """A few lines that ask for 2 to the power of `steps`."""
    halves = {
        f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}, {"$ref": f"#/$defs/d{n + 1}"}]}
        for n in range(steps)
    }
    return {**halves, f"d{steps}": {"type": "string"}}


def nested(levels: int) -> dict[str, object]:
    return {"properties": {"a": nested(levels - 1)}} if levels else {}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", r"is broken JSON: Expecting property name .*\(line 1, column 2\)"),
        (
            '{\n  "type": "object",\n}',
            r"is broken JSON: .*\(line 2, column 19|\(line 3, column 1\)",
        ),
        ("no", r"is broken JSON: Expecting value \(line 1, column 1\)"),
        ("true", r"must describe an object.*\(line 1, column 1\)"),
        ('\n {"type": "array"}', r"must describe an object.*\(line 2, column 2\)"),
        ('{"properties": {}}', "must describe an object"),
        (
            '{"type": "object",\n"$schema": "http://json-schema.org/draft-07/schema#"}',
            r"another draft than 2020-12: .*\(line 2, column 12\)",
        ),
        ('{"type": "object", "minimum": NaN}', "a number that JSON has not"),
        (f'{{"type": "object", "minimum": {"9" * 5000}}}', "a number that JSON has not"),
        ('{"type": "object", "title": "\\ud83d"}', "half of a character pair"),
        ("[" * 50_000, "nested more than 100 levels"),
        (json.dumps({"type": "object", **nested(80)}), "nested more than 100 levels"),
        ('{"type": "object"}' + " " * LONGEST, "longer than 100,000 characters"),
    ],
)
def test_a_text_that_is_no_schema_is_refused_with_line_and_column(text: str, sentence: str) -> None:
    with pytest.raises(UnusableSchemaError, match=sentence):
        JsonSchema.parsed(text)


@pytest.mark.parametrize(
    ("keywords", "sentence"),
    [
        ({"properties": {CANARY: {"type": "strin"}}}, "no JSON schema of draft 2020-12"),
        ({"required": "a"}, "no JSON schema of draft 2020-12"),
        ({"properties": {"a": {"$ref": "http://127.0.0.1:1/x"}}}, "never fetched"),
        ({"properties": {"default": {"$ref": "other.json"}}}, "never fetched"),
        ({"allOf": [{"$dynamicRef": "other#a"}]}, "never fetched"),
        ({"properties": {"a": {"$id": "x"}}}, '"\\$id" below its top'),
        ({"properties": {"a": {"$ref": "#/$defs/gone"}}}, "something that it does not hold"),
        ({"$ref": "#gone"}, "something that it does not hold"),
        ({"$defs": {"a": {"$ref": "#/$defs/a"}}}, "refers to itself without end"),
        (
            {"$defs": {"a": {"not": {"$ref": "#/$defs/b"}}, "b": {"$ref": "#/$defs/a"}}},
            "refers to itself without end",
        ),
        ({"$defs": doubling(40)}, "refers to itself without end"),
        ({"properties": {"a": {"pattern": "("}}}, "a pattern that Python cannot read"),
        ({"properties": {"a": {"pattern": "^(a+)+$"}}}, "may take for ever"),
        ({"patternProperties": {"^(a|a)*$": {}}}, "may take for ever"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_with_line_and_column_and_without_a_quote(
    keywords: dict[str, object], sentence: str
) -> None:
    text = json.dumps({"type": "object", **keywords}, indent=1)
    started = time.process_time()
    with pytest.raises(UnusableSchemaError, match=sentence + r".* \(line \d+, column \d+\)$") as it:
        JsonSchema.parsed(text)
    assert time.process_time() - started < 10
    assert CANARY not in str(it.value)


@given(
    st.recursive(
        st.just({}) | st.just([]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    ),
    st.sampled_from([None, 1]),
    st.data(),
)
def test_a_place_is_where_the_value_begins(value: Any, indent: int | None, data: Any) -> None:
    text = json.dumps(value, indent=indent)
    path: list[str | int] = []
    while value:
        step = data.draw(
            st.sampled_from([*value] if isinstance(value, dict) else range(len(value)))
        )
        path.append(step)
        value = value[step]
    words = str(refused(text, tuple(path), ""))
    line, column = (int(word.strip(",()")) for word in words.split() if word.strip(",()").isdigit())
    at = sum(len(it) for it in text.splitlines(keepends=True)[: line - 1]) + column - 1
    assert json.JSONDecoder().raw_decode(text, at)[0] == value


def test_no_reference_is_ever_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    odd = of({"a": {"const": {"$ref": "http://127.0.0.1:1/x"}}, "b": {"enum": [{"$ref": "x"}]}})
    assert odd.problem({"a": 1}) is not None
    with pytest.raises(UnusableSchemaError):
        of({"a": {"$ref": "http://127.0.0.1:1/x"}})


def test_what_is_wrong_is_said_with_its_place_and_not_at_length() -> None:
    checked = of({"label": {"enum": ["Positive", "Negative"]}, "n": {"type": "integer"}})
    assert checked.problem({"label": "Positive", "n": 3.0}) is None
    assert checked.problem({"label": "So-so"}) == (
        "label: 'So-so' is not one of ['Positive', 'Negative']"
    )
    assert of({}, required=["a"]).problem({}) == "'a' is a required property"
    assert len(checked.problem({"n": "x" * 5000}) or "") == LONGEST_PROBLEM + 1


def test_a_schema_may_refer_to_itself_and_to_its_parts() -> None:
    tree = JsonSchema.parsed(json.dumps(TREE))
    assert tree.problem({"children": [{"children": []}]}) is None
    assert "nope" in (tree.problem({"children": [{"nope": 1}]}) or "")
    by_name = of(
        {"a": {"$ref": "#word"}}, **{"$defs": {"w": {"$anchor": "word", "type": "string"}}}
    )
    assert by_name.problem({"a": 1}) is not None
    named = JsonSchema.parsed(
        '{"$id": "https://example.com/a", "type": "object", "$ref": "#/$defs/b", "$defs": {"b": {}}}'
    )
    assert named.problem({}) is None


def test_an_answer_that_takes_too_long_to_check_is_a_problem_not_a_hang() -> None:
    many = {"items": {"allOf": [{"$ref": "#/properties/a"}] * 9}, "type": ["array", "string"]}
    hostile = of({"a": many})
    deep: Any = "x"
    for _ in range(60):
        deep = [deep]
    started = time.process_time()
    assert hostile.problem({"a": deep}) == "It takes too long to check, or is nested too deeply."
    assert time.process_time() - started < 5


def test_a_number_that_cannot_be_checked_is_a_problem_not_an_error() -> None:
    divided = of({"a": {"multipleOf": 0.5}})
    assert "too large" in (divided.problem({"a": 10**400}) or "")


@pytest.mark.parametrize(
    ("subschema", "types"),
    [
        ({"type": "string"}, {"string"}),
        ({"type": ["integer", "null"]}, {"integer", "null"}),
        ({"enum": ["a", "b"]}, {"string"}),
        ({"enum": [1, 2.5, None, True, {}, []]}, None),
        ({"const": True}, {"boolean"}),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, {"integer", "null"}),
        ({"oneOf": [{"const": "a"}, {"$ref": "#/$defs/word"}]}, {"string"}),
        ({"anyOf": [{"type": "integer"}, {}]}, None),
        ({"allOf": [{"minLength": 1}, {"type": "string"}]}, {"string"}),
        ({"allOf": [{"minLength": 1}]}, None),
        ({"$ref": "#/$defs/word"}, {"string"}),
        ({"$ref": "#/$defs/a~1b"}, {"number"}),
        ({"$ref": "#"}, {"object"}),
        ({"$ref": "#word"}, None),
        ({"minLength": 1}, None),
        (True, None),
    ],
)
def test_types_are_read_off_the_schema(subschema: object, types: set[str] | None) -> None:
    whole = of({}, **{"$defs": {"word": {"type": "string"}, "a/b": {"type": "number"}}})
    found = whole.types_of(subschema)
    if types is None and isinstance(subschema, dict) and "enum" in subschema:
        types = {"integer", "number", "null", "boolean", "object", "array"}
    assert found == types


def test_types_are_found_however_many_ways_lead_to_them() -> None:
    branches = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 50} for n in range(30)}
    defs = {**branches, "d30": {"type": ANY_SAMPLE}, "loop": {"anyOf": [{"$ref": "#/$defs/loop2"}]}}
    defs["loop2"] = {"anyOf": [{"type": "string"}, {"items": {"$ref": "#/$defs/loop"}}]}
    whole = of({}, **{"$defs": defs})
    assert whole.types_of({"$ref": "#/$defs/d0"}) == frozenset(ANY_SAMPLE)
    assert whole.types_of({"$ref": "#/$defs/loop"}) is None


def test_the_log_learns_its_length_and_a_digest() -> None:
    text = json.dumps({"type": "object", "title": CANARY})
    told = JsonSchema.parsed(text)
    assert CANARY not in told.described() + repr(told)
    assert f"{len(text)} characters" in told.described()


ITEMS = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 1) | st.sampled_from([0.0, 1.0, 0.5, "", "1"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=3,
)


@given(st.lists(ITEMS, max_size=4))
def test_items_are_all_different_where_the_standard_says_so(items: list[object]) -> None:
    wanted = {"type": "object", "properties": {"a": {"uniqueItems": True}}}
    same = any(equal(one, other) for n, one in enumerate(items) for other in items[:n])
    assert (JsonSchema.parsed(json.dumps(wanted)).problem({"a": items}) is not None) == same


def equal(one: object, other: object) -> bool:
    """As JSON Schema has it: numbers by value, and no truth value is a number."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(one[it], other[it]) for it in one)
    return one == other


def test_a_text_too_long_for_its_pattern_is_not_checked() -> None:
    checked = of({"a": {"type": "string", "pattern": "a+a+b"}})
    assert checked.problem({"a": "aab"}) is None
    assert (
        checked.problem({"a": "a" * 401}) == "It takes too long to check, or is nested too deeply."
    )
    named = schema(patternProperties={"^a+b*a+$": {"type": "string"}})
    assert named.problem({"aa": "x", "b": 1}) is None
    assert named.problem({"a" * 10_001: "x"}) is not None
