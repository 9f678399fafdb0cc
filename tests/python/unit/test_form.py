"""Single fields of a form: absent, blank, 500.0."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_prompt_batch.errors import SettingsError
from mesh_prompt_batch.form import Form, Range

LABELS = {"field": "The field"}
BLANKS = ["", "  ", None]


def form(value: object) -> Form:
    return Form({"field": value}, LABELS)


@pytest.mark.parametrize("blank", BLANKS)
def test_blank_is_not_absent_where_a_field_may_be_unset(blank: object) -> None:
    assert form(blank).optional_number("field", Range(0), 5.0) is None
    assert Form({}, LABELS).optional_number("field", Range(0), 5.0) == 5.0
    assert form(blank).optional_integer("field", Range(0), 5) is None
    assert Form({}, LABELS).optional_integer("field", Range(0), None) is None


@pytest.mark.parametrize("blank", BLANKS)
def test_blank_is_the_default_elsewhere(blank: object) -> None:
    assert form(blank).number("field", Range(0), 5.0) == 5.0
    assert form(blank).integer("field", Range(0), 5) == 5
    assert form(blank).flag("field", default=True) is True
    assert form(blank).choice("field", ("a", "b"), "b") == "b"
    assert form(blank).text("field") == ""
    assert form(blank).texts("field") == ()


@given(st.integers(-(10**6), 10**6))
def test_whole_numbers_arrive_in_many_clothes(number: int) -> None:
    for dressed in (number, float(number), str(number), f" {number} "):
        found = form(dressed).integer("field", Range(-math.inf), 0)
        assert (found, type(found)) == (number, int)


@pytest.mark.parametrize(
    "value", ["many", [], {}, True, math.nan, math.inf, "1e999", pytest.param(10**400, id="long")]
)
def test_what_is_no_number_is_refused_by_label(value: object) -> None:
    with pytest.raises(SettingsError, match="'The field' must be a number, not"):
        form(value).number("field", Range(0), 1)


def test_what_lies_deeper_than_python_follows_is_refused_in_one_sentence() -> None:
    lists: object = 1
    objects: object = 1
    for _ in range(3_000):
        lists, objects = [lists], {"a": objects}
    for value in (lists, objects):
        with pytest.raises(SettingsError, match=r"^'The field' must be a number, not .{1,101}$"):
            form(value).number("field", Range(0), 1)
        with pytest.raises(SettingsError, match=r"^'The field' must be yes or no, not .{1,101}$"):
            form(value).flag("field", default=True)
        with pytest.raises(SettingsError, match=r"^'The field' must be a list of texts"):
            form([value]).texts("field")


def test_fractions_and_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"whole number, not 1\.5"):
        form(1.5).integer("field", Range(0), 1)
    with pytest.raises(SettingsError, match="must be between 0 and 2, not 3"):
        form(3).number("field", Range(0, 2), 1)
    with pytest.raises(SettingsError, match="must be 1 or more, not 0"):
        form(0).integer("field", Range(1), 1)


def test_other_types_are_refused() -> None:
    with pytest.raises(SettingsError, match="must be text, not int"):
        form(5).text("field")
    with pytest.raises(SettingsError, match="must be yes or no, not 'true'"):
        form("true").flag("field", default=False)
    with pytest.raises(SettingsError, match="must be one of a, b, not 'c'"):
        form("c").choice("field", ("a", "b"), "a")
    for value in ("text", 5):
        with pytest.raises(SettingsError, match="must be a list, not"):
            form(value).texts("field")
    with pytest.raises(SettingsError, match="must be a list of texts"):
        form([1]).texts("field")


def test_objects_keep_their_positions_and_the_texts_that_are_asked_for() -> None:
    entries = [{"a": " x ", "b": None, "c": 5}, None, {"b": "  "}]
    assert form(entries).objects("field", ("a", "b")) == [
        {"a": " x ", "b": ""},
        {"a": "", "b": ""},
        {"a": "", "b": ""},
    ]
    blanks: list[object] = [*BLANKS, []]
    for blank in blanks:
        assert form(blank).objects("field", ("a",)) == []
    others: list[object] = ["text", 5, {}]
    for value in others:
        with pytest.raises(SettingsError, match="'The field' must be a list, not"):
            form(value).objects("field", ("a",))
    with pytest.raises(SettingsError, match="a list of objects; entry 2 is none"):
        form([{}, "text"]).objects("field", ("a",))
    with pytest.raises(SettingsError, match="must hold texts; in entry 1 there is something else"):
        form([{"a": 5}]).objects("field", ("a",))


def test_texts_drop_empty_entries_and_keep_white_space() -> None:
    assert form(["a", "", None, "\n", " b"]).texts("field") == ("a", "\n", " b")
    assert form(" a ").text("field") == " a "
    assert form(False).flag("field", default=True) is False
