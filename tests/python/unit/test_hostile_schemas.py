"""Whatever JSON schema stands in the form: it is refused, or it judges every answer as the standard does, in time."""

import json
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing import Registry

from audited_calls import nothing_is_run
from hostile_schemas import DOCUMENTS, answers, broken
from hostile_values import counted, fuzzed
from mesh_prompt_batch.json_schema import JsonSchema
from mesh_prompt_batch.property_columns import property_columns
from mesh_prompt_batch.schema_text import UnusableSchemaError, subschemas

UNDECIDED = {
    "It takes too long to check, or is nested too deeply.",
    "It holds a number that is too large to check.",
}
# jsonschema and all that it needs are imported here.
JsonSchema.parsed('{"type": "object", "properties": {"a": {"$ref": "#"}}}').problem({"a": 5})


def parsed(text: str) -> JsonSchema | None:
    """None where it is refused, in words that a banner can show."""
    started, schema, words = time.process_time(), None, ""
    try:
        with nothing_is_run():
            schema = JsonSchema.parsed(text.lstrip("\ufeff"))
    except UnusableSchemaError as error:
        words = str(error)
    assert time.process_time() - started < 10
    assert words.isprintable()
    assert len(words) < 300
    return schema


def judged(schema: JsonSchema, value: Any) -> str:
    """`valid`, `invalid` or `undecided`: where it is decided, jsonschema without our bounds says the same."""
    started = time.process_time()
    with nothing_is_run():
        problem = schema.problem(value)
    assert time.process_time() - started < 10
    if problem in UNDECIDED:
        return "undecided"
    assert (problem is None) == by_the_standard(schema.document).is_valid(value)
    return "invalid" if problem else "valid"


def by_the_standard(document: Any) -> Draft202012Validator:
    return Draft202012Validator(document, registry=Registry())


def check_columns(schema: JsonSchema, value: Mapping[str, Any]) -> None:
    """No value that the schema allows is of a type that its column does not know, and none is lost on the way."""
    for column in property_columns(schema):
        found = value.get(column.key)
        types = schema.types_of(schema.properties[column.key])
        if column.key in value and types is not None:
            assert by_the_standard({"type": sorted(types)}).is_valid(found)
        assert (column.cell(found) is None) == (found is None or not column.fits(found))


@fuzzed
@given(st.data())
def test_a_schema_says_of_any_answer_what_the_standard_says(data: st.DataObject) -> None:
    document = data.draw(DOCUMENTS)
    schema = parsed(json.dumps(document))
    for _ in range(4 * (schema is not None)):
        value = data.draw(answers(document))
        if schema and judged(schema, value) == "valid":
            check_columns(schema, value)


@fuzzed
@given(st.data())
def test_a_schema_in_which_something_is_wrong_is_refused_or_judges(data: st.DataObject) -> None:
    schema = parsed(data.draw(broken()))
    for _ in range(3 * (schema is not None)):
        value = data.draw(answers(schema.document if schema else {}))
        if schema and judged(schema, value) == "valid":
            check_columns(schema, value)


def test_what_is_drawn_gets_past_the_first_check_and_reaches_every_keyword() -> None:
    verdicts, used, refused = Counter[str](), Counter[str](), Counter[str]()

    @counted
    @given(st.data())
    def drawn(data: st.DataObject) -> None:
        document = data.draw(DOCUMENTS)
        schema = parsed(json.dumps(document))
        refused["whole"] += schema is None
        refused["broken"] += parsed(data.draw(broken())) is None
        if schema:
            verdicts[judged(schema, data.draw(answers(document)))] += 1
            used.update({key for it in subschemas(document) for key in it.content})

    drawn()
    assert refused["whole"] < 30
    assert 40 < refused["broken"] < 95
    assert min(verdicts["valid"], verdicts["invalid"]) > 20, verdicts
    keywords = {*Draft202012Validator.VALIDATORS} - {"$dynamicRef"}
    assert not keywords - {*used}, keywords - {*used}
