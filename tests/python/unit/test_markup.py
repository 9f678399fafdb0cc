"""Whatever texts say, they are texts on the page."""

from hypothesis import example, given
from hypothesis import strategies as st
from report_reader import Page

from mesh_prompt_batch.markup import Markup, element
from mesh_prompt_batch.storable import storable

HOSTILE = "</td></p><script>alert(1)</script> \"' onload=x &amp; <!-- "


@given(st.text())
@example(HOSTILE)
def test_a_text_and_an_attribute_come_out_as_they_went_in(text: str) -> None:
    page = Page(element("p", text, title=text, aria_label="x", class_=None))
    ((tag, attributes),) = page.elements
    as_read = storable(text).replace("\r\n", "\n").replace("\r", "\n")
    assert tag == "p"
    assert "".join(page.texts).replace("\r\n", "\n").replace("\r", "\n") == as_read
    assert attributes.keys() == {"title", "aria-label"}
    assert (attributes["title"] or "").replace("\r\n", "\n").replace("\r", "\n") == as_read


def test_markup_goes_in_as_it_is_and_empty_elements_close_themselves() -> None:
    assert element("p", element("b", "<"), " & ") == "<p><b>&lt;</b> &amp; </p>"
    assert element("line", x1="0") == '<line x1="0"/>'
    assert element("path", element("title", "a")) == "<path><title>a</title></path>"
    assert isinstance(element("p", "a", Markup("<br/>")), Markup)
