"""The format of saved answers: what is not whole is never trusted."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_prompt_batch import answer_block
from mesh_prompt_batch.answer_block import (
    DamagedError,
    NewerFormatError,
    SavedAnswer,
    answers,
    blocks,
    checksum_of,
    encoded,
)

ANSWERS = st.lists(
    st.builds(
        SavedAnswer,
        st.binary(min_size=16, max_size=16),
        st.integers(0, 2**33),
        st.text().map(ascii),
    ),
    min_size=1,
    max_size=5,
)


class Dripping(io.BytesIO):
    """Gives three bytes at most, as networks may."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 3))


@given(st.lists(ANSWERS, max_size=4))
def test_blocks_come_back_one_after_the_other(groups: list[list[SavedAnswer]]) -> None:
    stream = Dripping(b"".join(map(encoded, groups)))
    read = list(blocks(stream))
    assert [list(answers(block)) for block in read] == groups
    assert len({checksum_of(block) for block in read}) == len({*map(encoded, groups)})


@given(ANSWERS, ANSWERS, st.data())
def test_a_cut_loses_what_lies_behind_it_and_says_so(
    first: list[SavedAnswer], second: list[SavedAnswer], data: st.DataObject
) -> None:
    whole = encoded(first) + encoded(second)
    at = data.draw(st.integers(1, len(whole) - 1))
    found, damaged = read_all(whole[:at])
    assert damaged == (at != len(encoded(first)))
    assert found == (first if at >= len(encoded(first)) else [])


@given(ANSWERS, st.data())
def test_a_byte_that_changed_is_noticed(group: list[SavedAnswer], data: st.DataObject) -> None:
    whole = bytearray(encoded(group))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    assert read_all(bytes(whole)) == ([], True)


@pytest.mark.parametrize("foreign", [b"PK\x03\x04 a zip", b"{}" * 200, b"\0" * 500])
def test_foreign_bytes_are_no_answers(foreign: bytes) -> None:
    assert read_all(foreign) == ([], True)


def test_a_later_format_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as later:
        later.setattr(answer_block, "VERSION", 2)
        block = encoded([SavedAnswer(b"k" * 16, 0, "{}")])
    with pytest.raises(NewerFormatError, match=r"Format 2 is newer than this plugin's, 1\."):
        list(blocks(io.BytesIO(block)))


def read_all(data: bytes) -> tuple[list[SavedAnswer], bool]:
    found: list[SavedAnswer] = []
    try:
        for block in blocks(io.BytesIO(data)):
            found += answers(block)
    except DamagedError:
        return found, True
    return found, False
