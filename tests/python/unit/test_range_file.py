"""Ranges of a file as files of their own."""

import os
import shutil
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mesh_prompt_batch.errors import RunStoppedError
from mesh_prompt_batch.range_file import RangeFile


@given(st.lists(st.binary(max_size=9), max_size=6), st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_range_reads_like_its_bytes(
    tmp_path: Path, pieces: list[bytes], data: st.DataObject
) -> None:
    whole = b"".join(pieces)
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    offset = data.draw(st.integers(0, 20))
    ranges = RangeFile(tmp_path)
    ends = [ranges.append(piece) for piece in pieces]
    assert [whole[it[0] : it[1]] for it in ends] == pieces
    with closing(ranges), ranges.reader(start, end) as reader, BytesIO(whole[start:end]) as same:
        for whence in (os.SEEK_SET, os.SEEK_CUR, os.SEEK_END):
            assert reader.seek(0, whence) == same.seek(0, whence)
        assert reader.seek(offset) == same.seek(offset)
        assert reader.read(3) == same.read(3)
        assert reader.read() == same.read()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    ranges = RangeFile(tmp_path)
    ranges._file.close()
    with Path("/dev/full").open("wb", buffering=0) as full:
        ranges._file = full  # type: ignore[assignment]  # it only has to refuse
        ranges.size = 0
        with pytest.raises(RunStoppedError, match=r"cannot be written \(No space left on device\)"):
            ranges.append(b"x")


def test_it_can_be_copied_as_uploads_do(tmp_path: Path) -> None:
    ranges = RangeFile(tmp_path)
    start, _ = ranges.append(b"before")
    _, end = ranges.append(b"x" * 100_000)
    copied = BytesIO()
    shutil.copyfileobj(ranges.reader(start, end), copied)
    assert copied.getvalue() == b"before" + b"x" * 100_000
    ranges.close()
