"""What a JSON schema says in odd places is refused or bounded as well: no answer ends a run, or holds it up."""

import json
import time
from typing import Any

import pytest

from mesh_prompt_batch.json_schema import JsonSchema
from mesh_prompt_batch.property_columns import property_columns
from mesh_prompt_batch.schema_text import DRAFT, UnusableSchemaError

TOO_LONG = "It takes too long to check, or is nested too deeply."


def schema(**keywords: object) -> JsonSchema:
    return JsonSchema.parsed(json.dumps({"type": "object", **keywords}))


def refusal(**keywords: object) -> str:
    with pytest.raises(UnusableSchemaError) as refused:
        schema(**keywords)
    return str(refused.value)


def leading_to(reference: object, **keywords: object) -> dict[str, object]:
    return {"properties": {"a": {"$ref": reference}}, **keywords}


@pytest.mark.parametrize(
    "keywords",
    [
        leading_to("#/default", default={"properties": {"b": {"$ref": "#/nowhere"}}}),
        leading_to("#/default", default={"properties": {"b": {"pattern": "^(a+)+$"}}}),
        leading_to("#/default", default={"properties": {"b": {"type": "strin"}}}),
        leading_to("#/$defs/a/const", **{"$defs": {"a": {"const": {}}}}),
        leading_to("#/x-more", **{"x-more": {"type": "strin"}}),
        leading_to("#/x-more", **{"x-more": {"allOf": {}}}),
        leading_to("#/properties"),
        leading_to("#/required", required=["a"]),
        leading_to("#/type"),
        leading_to("#/type/0"),
        leading_to("#/allOf/first", allOf=[{}]),
        leading_to("#/allOf/1", allOf=[{}]),
        leading_to("#/maxProperties/a", maxProperties=1),
        {"allOf": [{"$dynamicRef": "#/default"}], "default": {"type": "strin"}},
    ],
)
def test_what_a_reference_leads_to_is_a_schema(keywords: dict[str, Any]) -> None:
    assert refusal(**keywords).startswith(
        "refers to something that it does not hold, or that is no schema (line 1, column "
    )


def test_a_reference_may_lead_behind_a_keyword_that_nobody_knows() -> None:
    parts = {
        "schemas": {"word": {"type": "string"}, "words": [{"$ref": "#/components/schemas/word"}]}
    }
    checked = schema(**leading_to("#/components/schemas/words/0", components=parts))
    assert checked.problem({"a": "yes"}) is None
    assert checked.problem({"a": 5}) == "a: 5 is not of type 'string'"
    assert checked.types_of(checked.properties["a"]) == frozenset({"string"})
    # What is no schema may have its words.
    odd = {"$ref": 5, "dependentRequired": {"$ref": ["a"]}}
    assert schema(example=odd, dependentRequired={"$ref": ["a"]}).problem({}) is None
    assert schema(properties={"a": {"$ref": "#/$defs/no"}}, **{"$defs": {"no": False}}).problem(
        {"a": 1}
    )


def test_the_name_of_the_draft_takes_no_bound_away() -> None:
    parts = {"again": {"$ref": "#"}, "text": {"type": "string", "pattern": "a+a+b"}}
    tree = schema(properties=parts, **{"$schema": DRAFT})
    assert tree.problem({"again": {"text": "aab"}}) is None
    assert tree.problem({"again": {"text": "a" * 401}}) == TOO_LONG
    assert tree.document["$schema"] == DRAFT
    below = {"properties": {"a": {"$schema": "http://json-schema.org/draft-07/schema#"}}}
    assert refusal(**below).startswith(
        'has "$schema" below its top, which is not supported (line 1'
    )


def test_names_are_too_long_for_a_pattern_also_where_others_are_asked_for_first() -> None:
    named: dict[str, object] = {"patternProperties": {"a+a+b": {}}}
    for first in ("additionalProperties", "unevaluatedProperties"):
        started = time.process_time()
        assert schema(**{first: False}, **named).problem({"a" * 5_000: 1}) == TOO_LONG
        assert time.process_time() - started < 5


def test_what_is_not_evaluated_is_found_within_the_bound() -> None:
    twice = [
        {"dependentSchemas": {it: {"$ref": f"#/$defs/d{n + 1}"} for it in "ab"}} for n in range(22)
    ]
    steps = {f"d{n}": it for n, it in enumerate([*twice, {}])}
    doubling = schema(unevaluatedProperties=False, **{"$ref": "#/$defs/d0", "$defs": steps})
    started = time.process_time()
    assert doubling.problem({"a": 1, "b": 1}) == TOO_LONG
    assert time.process_time() - started < 10
    endless = {"unevaluatedProperties": False, "dependentSchemas": {"a": {"$ref": "#"}}}
    assert schema(**endless).problem({"a": 1}) == TOO_LONG


def test_patterns_that_are_none_together_are_refused_before_an_answer_comes() -> None:
    named = dict.fromkeys(["(?P<x>a)", "(?P<x>b)"], True)
    assert refusal(patternProperties=named, additionalProperties=False).startswith(
        "has a pattern that Python cannot read (line 1"
    )
    assert schema(patternProperties=named).problem({"ab": 5}) is None


def test_a_number_beyond_what_can_be_sent_is_refused() -> None:
    with pytest.raises(UnusableSchemaError, match="a number that JSON has not"):
        JsonSchema.parsed('{"type": "object", "maximum": 1e999}')


def test_a_place_is_told_also_where_a_name_comes_twice() -> None:
    text = '{"type": "object", "properties": 5,\n "properties": {"a": {"$ref": "other.json"}}}'
    with pytest.raises(UnusableSchemaError, match=r"never fetched.* \(line 2, column 31\)$"):
        JsonSchema.parsed(text)


def test_a_chain_of_alternatives_leaves_the_type_open() -> None:
    links = {f"d{n}": {"anyOf": [True, {"$ref": f"#/$defs/d{n + 1}"}]} for n in range(900)}
    chain = schema(**leading_to("#/$defs/d0", **{"$defs": {**links, "d900": {"type": "string"}}}))
    assert [it.kind for it in property_columns(chain)] == ["json"]
