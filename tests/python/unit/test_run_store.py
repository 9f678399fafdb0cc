"""Rows and outcomes on local disk."""

import resource
import shutil
import sqlite3
import stat
import threading
import tracemalloc
from collections import namedtuple
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mesh_prompt_batch.errors import RunStoppedError
from mesh_prompt_batch.run_store import DecidedRow, KeyedRow, RecordedOutcome, Reused, RunStore

CELLS = st.lists(
    st.text(st.characters() | st.sampled_from("\x00\ud83d\t\n")), min_size=1, max_size=3
)
KEYS = st.none() | st.sampled_from([b"a" * 16, b"b" * 16, b"c" * 16, b"d" * 16])
ON_DISK = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60
)


def add(store: RunStore, first: int, *rows: str) -> Reused:
    return store.add_rows(first, [KeyedRow([it], None) for it in rows])


def outcome(number: int, record: str = "{}") -> RecordedOutcome:
    return RecordedOutcome(number, True, record)


@given(st.lists(CELLS, max_size=20))
@ON_DISK
def test_what_goes_in_comes_out_in_order(tmp_path: Path, rows: list[list[str]]) -> None:
    with RunStore(tmp_path) as store:
        store.add_rows(1, [KeyedRow(cells, None) for cells in rows])
        for number in reversed(range(1, len(rows) + 1)):
            store.record([outcome(number, f"answer {number}")])
        expected = [DecidedRow(n, row, f"answer {n}", "call") for n, row in enumerate(rows, 1)]
        assert list(store.decided_rows()) == expected
        assert store.rows_to_ask(0, 0, 3)[0] == list(enumerate(rows, 1))[:3]


def test_few_long_rows_are_in_memory_at_once(tmp_path: Path) -> None:
    million = "x" * 1_000_000
    with RunStore(tmp_path) as store:
        for number in range(1, 41):
            add(store, number, million)
            store.record([outcome(number, million)])
        tracemalloc.start()
        numbers = [it.number for it in store.decided_rows()]
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert numbers == [*range(1, 41)]
    assert peak < 20_000_000


@given(st.lists(KEYS, max_size=25), st.sets(KEYS), st.integers(1, 6))
@ON_DISK
def test_a_row_is_asked_unless_an_earlier_run_or_an_earlier_row_has_its_answer(
    tmp_path: Path, keys: list[bytes | None], found: set[bytes | None], chunk: int
) -> None:
    answers = {key: f"found {key!r}" for key in found if key}
    first: dict[bytes, int] = {}
    expected = []
    for number, key in enumerate(keys, 1):
        copy = key is not None and first.setdefault(key, number) != number
        if key in answers:
            expected.append((answers[key], "identical" if copy else "resumed"))
        elif key is not None and copy:
            expected.append((f"asked {first[key]}", "identical"))
        else:
            expected.append((f"asked {number}", "call"))
    with RunStore(tmp_path) as store:
        store.add_answers(list(answers.items()) * 2)
        assert store.all_answers_added() == len(answers)
        counts = [
            store.add_rows(at + 1, [KeyedRow(["x"], key) for key in keys[at : at + chunk]])
            for at in range(0, len(keys), chunk)
        ]
        asked: list[int] = []
        last = 0
        while last < len(keys):
            page, last = store.rows_to_ask(0, last, 2)
            asked += [number for number, _ in page]
        store.record([outcome(number, f"asked {number}") for number in asked])
        assert [(it.record, it.source) for it in store.decided_rows()] == expected
    sources = [source for _, source in expected]
    assert sum(it.resumed for it in counts) == sources.count("resumed")
    assert sum(it.identical for it in counts) == sources.count("identical")
    assert asked == [n for n, source in enumerate(sources, 1) if source == "call"]


@given(st.lists(st.lists(st.sampled_from([b"a", b"b", b"c"]), max_size=6), max_size=6))
@ON_DISK
def test_twins_are_counted_across_calls(tmp_path: Path, calls: list[list[bytes]]) -> None:
    before: list[bytes] = []
    with RunStore(tmp_path) as store:
        for fingerprints in calls:
            expected = []
            for it in fingerprints:
                expected.append(before.count(it))
                before.append(it)
            assert store.times_seen(fingerprints) == expected


def test_rows_come_page_by_page_and_what_is_reused_is_looked_at_once(tmp_path: Path) -> None:
    with RunStore(tmp_path) as store:
        store.add_answers([(b"k", "{}")])
        store.all_answers_added()
        store.add_rows(1, [KeyedRow([str(n)], b"k") for n in range(1, 1001)])
        assert store.rows_to_ask(0, 0, 100) == ([], 1000)
        add(store, 1001, *(str(n) for n in range(1001, 2502)))
        store.record([outcome(n, f"{n}") for n in range(1001, 2502)])
        assert [it.record for it in store.decided_rows()][1000:] == [*map(str, range(1001, 2502))]
        assert store.rows_to_ask(0, 2499, 100) == ([(2500, ["2500"]), (2501, ["2501"])], 2501)


def test_undecided_rows_come_without_a_record(tmp_path: Path) -> None:
    with RunStore(tmp_path) as store:
        add(store, 1, "row")
        undecided = [DecidedRow(1, ["row"], None, "call")]
        assert list(store.decided_rows()) == list(store.failed_rows()) == undecided


def test_answers_come_in_the_order_of_recording_block_by_block(tmp_path: Path) -> None:
    with RunStore(tmp_path) as store:
        store.add_rows(1, [KeyedRow(["x"], bytes([n])) for n in range(1, 6)])
        add(store, 6, "without a key")
        store.record([outcome(3, "33"), RecordedOutcome(1, False, "failed"), outcome(6, "none")])
        store.record([outcome(5, "55"), outcome(2, "22")])
        assert store.answers_after(0, 3) == ([(b"\x03", "33"), (b"\x05", "55")], 4)
        assert store.answers_after(4, 100) == ([(b"\x02", "22")], 5)
        assert store.answers_after(5, 100) == ([], 5)
        assert store.answers_recorded() == 3


def test_copies_of_a_failed_row_are_counted(tmp_path: Path) -> None:
    with RunStore(tmp_path) as store:
        store.add_rows(1, [KeyedRow(["x"], b"k")] * 3 + [KeyedRow(["y"], b"l")] * 2)
        store.record([RecordedOutcome(1, False, "failed"), outcome(4)])
        assert store.failed_copies() == 2


def test_it_leaves_no_name_behind_and_keeps_a_copy_for_its_owner_alone(tmp_path: Path) -> None:
    with RunStore(tmp_path) as store:
        assert list(tmp_path.iterdir()) == []
        add(store, 1, "row")
        store.record([outcome(1)])
        kept = tmp_path / "kept.sqlite"
        store.keep(kept)
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        with pytest.raises(RunStoppedError, match="cannot be written"):
            store.keep(kept)
    connection = sqlite3.connect(kept)
    assert connection.execute("SELECT cells FROM input").fetchall() == [('["row"]',)]
    connection.close()


def test_it_stops_before_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")  # noqa: PYI024  # as shutil has it
    with RunStore(tmp_path) as store:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(100, 99, 1))
        with pytest.raises(RunStoppedError, match=r"is full.*'Only the first rows'"):
            add(store, 1, "row")


@pytest.mark.parametrize(
    ("pragma", "sentence"),
    [("PRAGMA max_page_count = 1", "is full"), ("PRAGMA query_only = 1", "cannot be written")],
)
def test_errors_of_the_disk_are_one_sentence(tmp_path: Path, pragma: str, sentence: str) -> None:
    with RunStore(tmp_path) as store:
        store._connection.execute(pragma)
        with pytest.raises(RunStoppedError, match=sentence) as caught:
            store.record([outcome(n, "canary" * 1000) for n in range(50)])
        assert "canary" not in str(caught.value)


def test_threads_may_share_it(tmp_path: Path) -> None:
    with RunStore(tmp_path) as store:

        def fill(first: int) -> None:
            for n in range(first, 400, 4):
                add(store, n + 1, str(n))
                store.record([outcome(n + 1)])

        threads = [threading.Thread(target=fill, args=(it,)) for it in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [it.cells for it in store.decided_rows()] == [[str(n)] for n in range(400)]


def test_a_store_that_cannot_be_made_is_closed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mesh_prompt_batch.run_tables.SCHEMA", "no such statement")
    with pytest.raises(RunStoppedError, match="cannot be written"):
        RunStore(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_when_the_disk_is_full_what_was_there_can_still_be_read(tmp_path: Path) -> None:
    """Else answers would be lost that wait to be saved, or worse: be read wrong."""
    with RunStore(tmp_path) as store:
        store.add_rows(1, [KeyedRow([f"{n}"], b"%d" % n) for n in range(1, 201)])
        store.record([outcome(n, f"answer {n}") for n in range(1, 101)])
        (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
        (page_bytes,) = store._connection.execute("PRAGMA page_size").fetchone()
        most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, ((pages + 2) * page_bytes, most[1]))
        try:
            for first in (101, 136, 171):
                with pytest.raises(RunStoppedError, match="is full"):
                    store.record(
                        [outcome(n, f"{n} {'x' * 3000}") for n in range(first, first + 30)]
                    )
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, most)
        assert store._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        answers, _ = store.answers_after(0, 10**9)
        records = [record for _, record in answers]
        assert records[:100] == [f"answer {n}" for n in range(1, 101)]
        # Those that it has no room for are in memory: they can still be saved elsewhere.
        numbers = [*range(101, 131), *range(136, 166), *range(171, 201)]
        assert [int(it.partition(" ")[0]) for it in records[100:]] == numbers
        assert store.answers_recorded() == 190
