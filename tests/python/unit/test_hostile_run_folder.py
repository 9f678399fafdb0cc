"""Whatever lies in a run folder: it is read or passed over, and fills no memory."""

import io
import json
import tracemalloc
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answer_blocks import block_of
from hostile_values import JSON, TEXTS, fuzzed, keyed
from mesh_prompt_batch import answer_block
from mesh_prompt_batch.answer_block import DamagedError, NewerFormatError, answers, blocks
from mesh_prompt_batch.leases import Lease
from mesh_prompt_batch.outcome_record import UnreadableAnswerError, outcome_of
from mesh_prompt_batch.report_tables import runs_table
from mesh_prompt_batch.run_record import RunRecord
from mesh_prompt_batch.spend_marks import newest_mark


class Counting(io.BytesIO):
    """Remembers the most that it was asked for at once."""

    most = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.most = max(self.most, -1 if size is None else size)
        return super().read(size)


def read_all(data: bytes) -> int:
    stream = Counting(data)
    try:
        return sum(len(list(answers(block))) for block in blocks(stream))
    except (DamagedError, NewerFormatError):
        return 0
    finally:
        assert stream.most <= 1 << 20


@fuzzed
@given(
    st.binary(max_size=200)
    | st.binary(max_size=100).map(lambda it: block_of(zlib.compress(it)))
    | JSON.map(lambda it: block_of(zlib.compress(f"00 1 {it}\n".encode(errors="replace"))))
    | st.integers(0, 2**64 - 1).map(lambda it: block_of(b"x", length=it))
)
def test_an_object_of_answers_is_read_or_damaged(data: bytes) -> None:
    read_all(data)


def test_a_length_reserves_no_memory_and_little_that_unpacks_to_much_is_damaged() -> None:
    tracemalloc.start()
    try:
        assert read_all(block_of(b"x", length=60_000_000)) == 0
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
        bomb = block_of(zlib.compress(b"0" * 400_000_000, 1))
        tracemalloc.reset_peak()
        assert read_all(bomb) == 0
        assert tracemalloc.get_traced_memory()[1] < 4 * answer_block.MOST_BYTES
    finally:
        tracemalloc.stop()


RECORDS = ["attempts", "usage", "llm_id", "latency", "body", "first_token", "error", "words"]


@fuzzed
@given(JSON | keyed([*RECORDS, "status", "answer"]).map(json.dumps))
def test_a_saved_outcome_is_one_or_unreadable(record: str) -> None:
    with suppress(UnreadableAnswerError):
        outcome_of(record)


@fuzzed
@given(st.lists(TEXTS | st.from_regex(r"[\d]{1,400}-[\d.]{1,400}", fullmatch=True), max_size=4))
def test_names_of_objects_tell_something_or_nothing(names: list[str]) -> None:
    newest_mark(names).next(newest_mark(names).total).name("epoch")
    for name in names:
        lease = Lease.from_name(f"p-0a-{name}")
        assert lease is None or lease.name


WHOLE = json.loads(RunRecord("r", "s", "e", "completed", "All.").to_line())


@fuzzed
@given(JSON | keyed(WHOLE).map(lambda it: json.dumps({**WHOLE, **it})))
def test_a_line_of_the_history_is_a_run_that_can_be_shown_or_none(line: str) -> None:
    record = RunRecord.from_line(line)
    if record is not None:
        assert len(runs_table([record, record])) < 10 * len(line) + 10_000


@pytest.mark.parametrize("cost", ["1e999999999", "-1", "NaN", "Infinity", "9" * 60_000])
def test_an_amount_that_is_none_is_not_shown(cost: str) -> None:
    assert RunRecord.from_line(json.dumps({**WHOLE, "cost": cost})) is None
