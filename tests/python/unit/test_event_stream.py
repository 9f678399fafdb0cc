"""Server-sent events, however the network cuts them."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_prompt_batch.event_stream import EventReader

LINE_ENDS = st.sampled_from(["\n", "\r\n", "\r"])
# Characters that text splits lines at, and the format does not.
DATA = st.text(st.sampled_from("ab {}:\u2028\x0b\x85é"), min_size=1).filter(
    lambda it: it == it.strip()
)


def read(blocks: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    reader = EventReader()
    return [event for block in blocks for event in reader.feed(block)]


@given(st.lists(DATA, max_size=5), LINE_ENDS, st.lists(st.integers(0, 200), max_size=6))
def test_events_are_the_same_wherever_blocks_begin_and_end(
    texts: list[str], end: str, cuts: list[int]
) -> None:
    sent = "".join(f"data: {it}{end}{end}" for it in texts).encode() + b": goodbye\n"
    at = [0, *sorted(it for it in cuts if it < len(sent)), len(sent)]
    blocks = [sent[start:stop] for start, stop in itertools.pairwise(at)]
    assert read(blocks) == [(b"", it.encode()) for it in texts]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"data:close\n\n", [(b"", b"close")]),
        (b"data: two\ndata: lines\n\n", [(b"", b"two\nlines")]),
        (b"event: error\ndata: 1\n\ndata: 2\n\n", [(b"error", b"1"), (b"", b"2")]),
        (b": a comment\n\nid: 7\nretry: 10\n\n", []),
        (b"event: nothing\n\ndata: 1\n\n", [(b"", b"1")]),
        (b"data: 1\n\ndata: cut\n", [(b"", b"1")]),
        (b"data: 1\n\ndata: cu", [(b"", b"1")]),
        (b"", []),
    ],
)
def test_fields_mean_what_the_format_says(sent: bytes, expected: list[tuple[bytes, bytes]]) -> None:
    assert read([sent]) == expected
