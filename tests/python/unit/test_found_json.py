"""The JSON in an answer: found, mended where there is one way to read it, never made up."""

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_prompt_batch.found_json import DEEPEST, InvalidAnswerError, containers_in

TEXTS = st.text(st.characters() | st.sampled_from("'\"\\{}[],: \n\ud83d\x00"), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4)
)
OBJECTS = st.dictionaries(TEXTS, VALUES, max_size=5)


def first(text: str) -> Any:
    return next(containers_in(text), None)


@given(OBJECTS, st.sampled_from([None, 2]), st.booleans())
def test_an_object_comes_back_as_it_was(
    value: dict[str, object], indent: int | None, ascii_only: bool
) -> None:
    assert first(json.dumps(value, indent=indent, ensure_ascii=ascii_only)) == value


@given(OBJECTS, st.sampled_from(["Sure!\n", "Here { it } is: ", "", "I'm [1] sure: "]), TEXTS)
def test_an_object_is_found_in_chatter_and_in_fences(
    value: dict[str, object], before: str, after: str
) -> None:
    written = json.dumps(value)
    assert first(f"{before}{written}\n{after}") == value
    assert first(f"{before}```json\n{written}\n```\n{after.replace('`', '')}") == value
    assert first(f"{before}```\n{written}") == value


PLAIN = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), max_size=20)
PRINTED = st.dictionaries(
    PLAIN, st.none() | st.booleans() | st.integers() | PLAIN | st.lists(PLAIN, max_size=3)
)


@given(PRINTED)
def test_what_python_would_print_is_read(value: dict[str, object]) -> None:
    # Spaces that Python escapes have no such escape in JSON.
    told = repr(value)
    if "\\x" not in told:
        assert first(f"Here: {told}") == value


@given(st.text(st.sampled_from("{}[]:,'\"\\ `\n1eEaTrue/</think>-+.") | st.characters()))
def test_nothing_but_an_invalid_answer_is_ever_raised(text: str) -> None:
    with contextlib.suppress(InvalidAnswerError):
        assert all(isinstance(it, (dict, list)) for it in containers_in(text))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1,}', {"a": 1}),
        ('{"a": [1, 2, ], }', {"a": [1, 2]}),
        ("{'a': 'x', 'b': True, 'c': None}", {"a": "x", "b": True, "c": None}),
        ("""{'a': "it's", 'b': 'it's'}""", {"a": "it's", "b": "it's"}),
        ("{'a': 'say \"yes\"'}", {"a": 'say "yes"'}),
        (r"{'a': 'it\'s \n \\ here'}", {"a": "it's \n \\ here"}),
        ('{"a": "two\nlines\tand a tab"}', {"a": "two\nlines\tand a tab"}),
        ('{"a": NaN, "b": undefined}', {"a": None, "b": None}),
        ('{"a": "True, or None,}"}', {"a": "True, or None,}"}),
        ('```json\n{"a": 1}', {"a": 1}),
        ('``` json \n{"a": 1,}\n```', {"a": 1}),
        ('Answer: {"a": 1} I hope {"b": 2} helps', {"a": 1}),
        ('Such as {"b": 2}:\n```json\n{"a": 1}\n```', {"a": 1}),
        ('<think>{"a": 0}? No.</think>{"a": 1}', {"a": 1}),
        ('Is it {"a": 0}? No.\n</think>\n\n{"a": 1}', {"a": 1}),
        ('So: {"</think>": {}}', {"</think>": {}}),
        ('Use {braces} and {"keys"} so: {"a": 1}', {"a": 1}),
        ('[{"a": 1}]', [{"a": 1}]),
        ('As told in [1]: [{"a": 1}]', [{"a": 1}]),
        ("[1, 2]", [1, 2]),
        ("{}", {}),
        ("It is { }.", {}),
    ],
)
def test_what_is_found_and_mended(text: str, value: object) -> None:
    assert first(text) == value


@pytest.mark.parametrize(
    "text",
    [
        '{"a": {"b": 1}, "c": tru}',
        '{"a": tru, "b": {"c": 1}}',
        '{"a": 1, "b": "cut off',
        '{"a": 1',
        '{"a": {"b": 1',
        '{"a" 1, "b": {"c": 1}}' + '{"a": tru}',
        f'{{"a": {"9" * 5000}}}',
        '{"a":' * 50_000 + "1",
        '{"a":' * (DEEPEST + 1) + "1" + "}" * (DEEPEST + 1),
    ],
)
def test_a_broken_object_is_no_answer_nor_is_what_stands_inside_or_behind_it(text: str) -> None:
    with pytest.raises(InvalidAnswerError, match="The JSON is"):
        list(containers_in(text))


def test_depth_is_counted_where_there_are_many_brackets() -> None:
    wide: dict[str, object] = {"a": [{"b": []}] * 200}
    assert first(json.dumps(wide)) == wide


@pytest.mark.parametrize("text", ["", "no", "42", '"word"', "null", "{the answer}", "[1] and [2]"])
def test_words_are_no_json(text: str) -> None:
    assert list(containers_in(text)) == []


@pytest.mark.parametrize(
    "piece",
    ['{"', '{"\\', "{'", '{"a":', "```\n", '{"a": "', "[ ", "{ ", '{"a": 1} ', "'", '{"a":1,', "<"],
)
def test_no_answer_takes_long_to_read(piece: str) -> None:
    started = time.process_time()
    with contextlib.suppress(InvalidAnswerError):
        list(containers_in(piece * (100_000 // len(piece))))
    assert time.process_time() - started < 2
