"""Whatever lies in a run folder: it is read or passed over, and fills no memory."""

import io
import json
import shutil
import subprocess
import sys
import tracemalloc
import zlib
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answer_blocks import block_of
from audited_calls import nothing_is_run
from fakes import FakeFolder, answered
from hostile_values import JSON, LURES, TEXTS, counted, fuzzed, mostly, nearly
from mesh_prompt_batch import answer_block
from mesh_prompt_batch.answer_block import DamagedError, NewerFormatError, answers, blocks
from mesh_prompt_batch.completion import Failure, Outcome
from mesh_prompt_batch.errors import RunStoppedError
from mesh_prompt_batch.found_answers import load_answers
from mesh_prompt_batch.leases import Lease
from mesh_prompt_batch.outcome_record import UnreadableAnswerError, outcome_of, record_of
from mesh_prompt_batch.output import COLUMNS, Decided
from mesh_prompt_batch.part_list import PartList
from mesh_prompt_batch.range_file import RangeFile
from mesh_prompt_batch.report_tables import money_table, rows_table, runs_table
from mesh_prompt_batch.row_index import encoded_marks, index_name, marks_in
from mesh_prompt_batch.run_folder import RunFolder
from mesh_prompt_batch.run_record import RunRecord
from mesh_prompt_batch.run_state import UNREADABLE, WRITING, RunState
from mesh_prompt_batch.run_store import RunStore
from mesh_prompt_batch.saver import Saved
from mesh_prompt_batch.spend_marks import newest_mark
from mesh_prompt_batch.totals import Totals


class Counting(io.BytesIO):
    """Remembers the most that it was asked for at once."""

    most = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.most = max(self.most, -1 if size is None else size)
        return super().read(size)


def read_all(data: bytes) -> int:
    stream = Counting(data)
    try:
        with nothing_is_run():
            return sum(len(list(answers(block))) for block in blocks(stream))
    except (DamagedError, NewerFormatError):
        return 0
    finally:
        assert stream.most <= 1 << 20


LINES = st.builds(
    "{} {} {}\n".format,
    st.sampled_from(["00" * 16, "zz", "", "0"]),
    st.integers() | st.sampled_from(["1", "1e9", "²", "9" * 5_000]),
    JSON,
)


@fuzzed
@given(
    st.binary(max_size=200)
    | st.binary(max_size=100).map(lambda it: block_of(zlib.compress(it)))
    | st.lists(LINES).map(lambda it: block_of(zlib.compress("".join(it).encode(errors="replace"))))
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


LOADING = """
import re, sys
from pathlib import Path
from test_hostile_run_folder import loaded, packed

def peak():
    return int(re.search("VmHWM: *\\t *([0-9]+)", Path("/proc/self/status").read_text())[1])

start, more, blocks, directory = sys.argv[1:]
data = packed(start + "x" * int(more), int(blocks))
before = peak()
print(loaded(data, Path(directory)), peak() - before)
"""
ANSWER = "0" * 32 + " 1 "


def packed(line: str, blocks: int) -> bytes:
    """Blocks of 64 MiB of the same line, each in little more than its thousandth."""
    packer, lines = zlib.compressobj(1), f"{line}\n".encode() * ((1 << 20) // (len(line) + 1))
    pieces = [packer.compress(lines) for _ in range(answer_block.MOST_BYTES // len(lines))]
    data = b"".join([*pieces, packer.flush()])
    return b"".join(block_of(data, count=it) for it in range(blocks))


def loaded(data: bytes, directory: Path) -> int:
    """How many different answers a run finds in this object."""
    folder = FakeFolder()
    folder.objects = {"P.out/whole/answers/1": data}
    place = RunFolder(folder, ("P.out", ""), lambda _: None)
    with RunStore(directory) as store, closing(RangeFile(directory)) as ranges:
        return load_answers(place, ["answers/1"], store, Saved(ranges, PartList()), 0.0).answers


@pytest.mark.parametrize(
    ("start", "more", "blocks", "found"),
    [
        (" 0 ", 0, 1, 0),
        (" 999 ", 0, 1, 0),
        ("", 0, 1, 0),
        (ANSWER, 0, 1, 0),
        (ANSWER, 700, 1, 1),
        (ANSWER, 1_000_000, 6, 1),
    ],
)
def test_little_that_unpacks_to_many_or_long_answers_fills_no_memory(
    start: str, more: int, blocks: int, found: int, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADING, start, str(more), str(blocks), str(tmp_path)],
        env={"PYTHONPATH": ":".join([str(Path(__file__).parent), *sys.path])},
        stdout=subprocess.PIPE,
        check=True,
    )
    answers, kib = map(int, done.stdout.split())
    assert answers == found
    assert kib < 4 * answer_block.MOST_BYTES / 1024, kib


def test_loading_stops_before_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1))
    with pytest.raises(RunStoppedError, match=r"is full: free some space.*keeps what it held"):
        loaded(block_of(zlib.compress(f"{ANSWER}{{}}\n".encode())), tmp_path)


COMPLETION = json.loads(record_of(answered("yes")))
FAILURE = json.loads(record_of(Failure("server", "busy", 3, 503, answer=answered("no"))))
RECORDS = st.sampled_from([COMPLETION, FAILURE]).flatmap(nearly).map(json.dumps)


def restored(record: str) -> Outcome | None:
    """None where it is unreadable."""
    with suppress(UnreadableAnswerError), nothing_is_run():
        return outcome_of(record)
    return None


@fuzzed
@given(RECORDS | JSON)
def test_a_saved_outcome_can_be_written_and_counted_or_is_unreadable(record: str) -> None:
    outcome = restored(record)
    if outcome is None:
        return
    cells = [it.cell(Decided(outcome, "call", lambda: None)) for it in COLUMNS]
    assert not any("\x00" in it for it in cells if isinstance(it, str))
    assert json.dumps(cells, ensure_ascii=False, allow_nan=False).encode()
    assert all(abs(it) < 2**63 for it in cells if isinstance(it, int))
    Totals().add(1, outcome)
    assert record_of(outcome_of(record_of(outcome))) == record_of(outcome)


ODD_DIGITS = st.sampled_from(["²", "٣", "-1", "", "007"])
DIGITS = mostly(st.integers(0, 10**7).map(str), st.integers(0, 10**20).map(str) | ODD_DIGITS)
NUMBERS = st.builds("{}{}{}".format, DIGITS, st.sampled_from(["", ".", "-"]), DIGITS)
ODD_HEX = st.text("0123456789abcdefg", max_size=33)
RUNS, PLACES = (mostly(st.just("0a1b2c3d" * it), ODD_HEX) for it in (1, 4))
ODD_MOMENTS = st.sampled_from(["20269924T101500Z", "00000101T000000Z", "2026", "٢0"])
MOMENTS = mostly(st.sampled_from(["20261124T101500Z", "20000101T000000Z"]), ODD_MOMENTS)
PARTITIONS = mostly(st.sampled_from(["2026-11", "a%2Fb", "x y", "-"]), TEXTS)
EIGHT, SEVEN = (
    mostly(st.integers(0, 10**6).map(f"{{:0{it}d}}".format), DIGITS | st.just("9" * it))
    for it in (8, 7)
)
LEASES = st.builds("{}-{}-{}-{}".format, PARTITIONS, RUNS, EIGHT, SEVEN | st.just("left"))
SIX = mostly(st.integers(0, 10**7).map("{:06d}".format), DIGITS)
TOTALS = mostly(
    st.builds("{}.{:012d}".format, st.integers(0, 10**7), st.integers(0, 10**12 - 1)), NUMBERS
)
MARKS = st.builds("spent/{}-{}".format, SIX, TOTALS)
INDEXES = st.builds("{}-{}-{}-{}-{}".format, SEVEN, PLACES, MOMENTS, RUNS, DIGITS)


@fuzzed
@given(st.lists(MARKS | TEXTS, max_size=4), LEASES | TEXTS, INDEXES | TEXTS)
def test_names_of_objects_tell_something_or_nothing(
    marks: list[str], lease: str, index: str
) -> None:
    newest_mark(marks).next(newest_mark(marks).total).name("epoch")
    found = Lease.from_name(lease)
    assert found is None or Lease.from_name(found.name) == found
    rows = index_name(index)
    assert rows is None or str(rows) == index


@fuzzed
@given(st.binary(max_size=60), st.lists(st.integers(0, 2**64 - 1), max_size=5), st.integers(0, 60))
def test_marks_of_rows_are_whole_or_none(data: bytes, marks: list[int], cut: int) -> None:
    whole = encoded_marks(marks)
    assert [*marks_in(data)] == []
    assert [*marks_in(whole[:cut])] == ([] if cut < len(whole) else sorted({*marks}))


WHOLE = json.loads(RunRecord("r", "s", "e", "completed", "All.", 5, 3, 1, calls=7).to_line())
LONG = {"cost": "0.5", "spend_limit": "1", "settings": {"a": "b"}, "errors": {"server": 1}}
LINES_OF_RUNS = nearly(
    {**WHOLE, **LONG}, st.sampled_from(["0E+999999", "1e-999999", "0.1", *LURES]) | TEXTS
)


@fuzzed
@given(JSON | LINES_OF_RUNS.map(json.dumps))
def test_a_line_of_the_history_is_a_run_that_can_be_shown_or_none(line: str) -> None:
    with nothing_is_run():
        record = RunRecord.from_line(line)
        if record is not None:
            tables = runs_table([record, record]), rows_table(record), money_table(record, 1)
            assert sum(map(len, tables)) < 10 * len(line) + 30_000


@pytest.mark.parametrize("cost", ["1e999999999", "-1", "NaN", "Infinity", "9" * 60_000])
def test_an_amount_that_is_none_is_not_shown(cost: str) -> None:
    assert RunRecord.from_line(json.dumps({**WHOLE, "cost": cost})) is None


STATE = json.loads(RunState("epoch-1", WRITING, 3, "run", "host:1", 7).to_bytes())
STATES = nearly(STATE).map(lambda it: json.dumps(it).encode())


def state_of(data: bytes) -> RunState:
    with suppress(NewerFormatError), nothing_is_run():
        return RunState.from_bytes(data)
    return RunState("", UNREADABLE)


@fuzzed
@given(STATES | JSON.map(lambda it: it.encode(errors="replace")))
def test_a_state_leads_nowhere_else_and_comes_back_or_is_unreadable(data: bytes) -> None:
    state = state_of(data)
    assert state.phase == UNREADABLE or RunState.from_bytes(state.to_bytes()) == state
    assert not {*state.epoch} & {*"./\\ \n\x00"}


def test_what_is_drawn_of_a_run_folder_gets_past_the_first_check() -> None:
    fates = Counter[tuple[str, bool]]()

    @counted
    @given(st.data())
    def drawn(data: Any) -> None:
        fates["outcome", restored(data.draw(RECORDS)) is not None] += 1
        fates["run", RunRecord.from_line(json.dumps(data.draw(LINES_OF_RUNS))) is not None] += 1
        fates["state", state_of(data.draw(STATES)).phase != UNREADABLE] += 1
        fates["lease", Lease.from_name(data.draw(LEASES)) is not None] += 1
        fates["mark", newest_mark([data.draw(MARKS)]).number > 0] += 1
        fates["index", index_name(data.draw(INDEXES)) is not None] += 1

    drawn()
    assert len(fates) == 12
    assert min(fates.values()) > 5, fates
