"""A schema's properties as columns, and their values as cells."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_prompt_batch.json_schema import JsonSchema
from mesh_prompt_batch.property_columns import PropertyColumn, property_columns

PROPERTIES: dict[str, object] = {
    "label": {"enum": ["a", "b"], "description": " Which one. \x00 "},
    "count": {"type": ["integer", "null"]},
    "score": {"type": "number"},
    "half": {"enum": [1, 1.5]},
    "sure": {"type": "boolean"},
    "tags": {"type": "array"},
    "parts": {"type": "object"},
    "mixed": {"type": ["string", "number"]},
    "open": {},
    "any": True,
    " two\nlines ": {"type": "string", "description": " "},
    "": {"type": "string"},
}


def columns() -> list[PropertyColumn]:
    text = json.dumps({"type": "object", "properties": PROPERTIES})
    return list(property_columns(JsonSchema.parsed(text)))


def column(kind: str) -> PropertyColumn:
    return PropertyColumn("a", "a", kind, "")


def test_types_names_and_descriptions_come_from_the_schema_in_its_order() -> None:
    assert [(it.name, it.type) for it in columns()] == [
        ("label", "string"),
        ("count", "bigint"),
        ("score", "double"),
        ("half", "double"),
        ("sure", "boolean"),
        ("tags", "string"),
        ("parts", "string"),
        ("mixed", "string"),
        ("open", "string"),
        ("any", "string"),
        ("two lines", "string"),
        ("property", "string"),
    ]
    told = [it.description for it in columns()]
    assert told[0] == "Which one. \ufffd"
    assert told[1] == "Property 'count' of the answer."


@pytest.mark.parametrize(
    ("kind", "value", "cell"),
    [
        ("string", "half \ud83d a pair, NUL \x00", "half \ufffd a pair, NUL \ufffd"),
        ("string", "", ""),
        ("bigint", 3.0, 3),
        ("bigint", -(2**63), -(2**63)),
        ("double", 3, 3.0),
        ("double", 10**17 + 1, 1e17),
        ("boolean", False, False),
        ("json", "a", '"a"'),
        ("json", ["é", {"b": None}], '["é", {"b": null}]'),
        ("json", True, "true"),
        ("json", "\ud83d", '"\ufffd"'),
        ("json", None, None),
        ("string", None, None),
    ],
)
def test_a_value_becomes_a_cell_of_its_column_s_type(
    kind: str, value: object, cell: object
) -> None:
    found = column(kind).cell(value)
    assert (found, type(found)) == (cell, type(cell))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("bigint", 2**63),
        ("bigint", 1e300),
        ("bigint", 10**400),
        ("double", 10**400),
        ("double", math.inf),
        ("bigint", math.inf),
        ("double", math.nan),
    ],
)
def test_a_number_that_no_cell_can_hold_does_not_fit(kind: str, value: float) -> None:
    assert not column(kind).fits(value)
    assert column(kind).cell(value) is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.sampled_from(["string", "bigint", "double", "boolean", "json"]), VALUES)
def test_whatever_comes_a_cell_is_of_its_type_or_blank(kind: str, value: Any) -> None:
    wanted = {"bigint": int, "double": float, "boolean": bool}.get(kind, str)
    cell = column(kind).cell(value)
    assert cell is None or type(cell) is wanted
