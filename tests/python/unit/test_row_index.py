"""Names and content of the indexes that tasks leave each other, and of what only looks like one."""

from hypothesis import given
from hypothesis import strategies as st

from mesh_prompt_batch.row_index import IndexName, encoded_marks, index_name, marks_in

RUN = "20261101T120000Z-aaaaaaaa"
PLACE = "0000001-" + 32 * "0"


def test_an_index_that_is_cut_or_foreign_tells_of_no_rows() -> None:
    whole = encoded_marks([3, 1, 2, 2**64 - 1, 1])
    assert [*marks_in(whole)] == [1, 2, 3, 2**64 - 1]
    assert [*marks_in(whole[:-8])] == [*marks_in(b"")] == [*marks_in(whole + b"x")] == []
    assert index_name("report.html") is None
    name = IndexName("0000001-" + 32 * "a", RUN, 7, 0.0)
    found = index_name(str(name))
    assert found is not None
    assert (found.place, found.run, found.stage) == (name.place, RUN, 7)
    assert found.moment == 1793534400.0


@given(
    st.text()
    | st.from_regex(r"\d{1,9}-[0-9a-f]{32}-\d{8}T\d{6}Z-[0-9a-f]{1,9}-\d{1,3}", fullmatch=True)
    | st.from_regex(rf"{PLACE}-20\d{{6}}T\d{{6}}Z-[0-9a-f]{{8}}-\d", fullmatch=True)
)
def test_a_name_is_that_of_an_index_or_none(name: str) -> None:
    found = index_name(name)
    assert found is None or str(found) == name


@given(st.binary(max_size=100) | st.lists(st.integers(0, 2**64 - 1)).map(encoded_marks))
def test_an_index_tells_its_marks_or_none(content: bytes) -> None:
    marks = marks_in(content)
    assert not marks or encoded_marks(marks) == content
