"""`{{column}}` is a cell, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_prompt_batch.template import MalformedTemplateError, Template

COLUMNS = ["id", "the text", "é"]
# Braces, names and what else could be taken for a part of a template.
TEXTS = st.text(st.sampled_from("{}$\\ \nidé"), max_size=12) | st.text(max_size=6)
PLACES = st.builds(
    lambda before, name, after: f"{{{{{before}{name}{after}}}}}",
    st.sampled_from(["", " ", "\t\n"]),
    st.sampled_from(COLUMNS),
    st.sampled_from(["", "  "]),
)


def filled(template: str, *cells: str) -> str:
    return Template.parsed(template).filler(COLUMNS)(cells)


def escaped(text: str) -> str:
    return text.replace("{{", "{{{{")


def test_cells_go_where_their_column_is_named() -> None:
    template = "{{id}}: {{ the text }} ({{id}}){{é}}"
    assert Template.parsed(template).columns == ("id", "the text", "id", "é")
    assert filled(template, "1", "why?", "") == "1: why? (1)"
    assert filled("no place", "1", "2", "3") == "no place"


def test_what_a_cell_says_is_never_a_template() -> None:
    assert filled("{{id}}{{é}}", "{{é}}", "", "{{{{id}} ${x}") == "{{é}}{{{{id}} ${x}"
    assert filled("{{id}}the text}}", "{{", "no", "no") == "{{the text}}"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ('{"a": {"b": {{id}}}}', '{"a": {"b": 7}}'),
        ("{{{id}}}", "{7}"),
        ("{{{{id}}", "{{id}}"),
        ("{{{{{{id}}}}", "{{7}}"),
        ("${{id}}", "$7"),
        ("} }} { {", "} }} { {"),
        (r"\{{id}}", r"\7"),
    ],
)
def test_single_and_closing_braces_are_text_and_four_are_two(template: str, text: str) -> None:
    assert filled(template, "7", "", "") == text


@given(st.lists(TEXTS), st.lists(PLACES), st.lists(TEXTS, min_size=3, max_size=3))
def test_any_text_around_any_places_comes_out_as_it_was(
    literals: list[str], places: list[str], cells: list[str]
) -> None:
    cell = dict(zip(COLUMNS, cells, strict=True))
    template, expected = "", ""
    for literal, place in zip(literals, places, strict=False):
        template += escaped(literal) + place
        expected += literal + cell[place.strip("{} \t\n")]
    assert filled(template, *cells) == expected


@given(TEXTS)
def test_any_text_is_a_template_or_is_refused_in_words_that_do_not_quote_it(text: str) -> None:
    words = ""
    try:
        template = Template.parsed(text)
    except MalformedTemplateError as error:
        words = str(error)
    else:
        assert not any("{" in name or name != name.strip() for name in template.columns)
        assert template.is_blank == (not text.strip())
    assert not words or words.startswith("has two opening braces in line ")


@pytest.mark.parametrize("stray", ["{{id}", "{{}}", "{{  }}", "{{a{b}}", "{{{", "{{two\nlines}}"])
def test_braces_that_name_no_column_are_refused_with_their_line(stray: str) -> None:
    with pytest.raises(MalformedTemplateError, match=r"braces in line 3 that begin no {{column}}"):
        Template.parsed(f"Hello\n{{{{id}}}} and \n  {stray}")


def test_its_text_is_not_shown() -> None:
    assert "canary" not in repr(Template.parsed("canary {{id}}"))
