"""Rows and outcomes on local disk."""

import shutil
import sqlite3
import stat
import threading
from collections import namedtuple
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mesh_prompt_batch.errors import RunStoppedError
from mesh_prompt_batch.run_store import RunStore

CELLS = st.lists(
    st.text(st.characters() | st.sampled_from("\x00\ud83d\t\n")), min_size=1, max_size=3
)


@given(st.lists(CELLS, max_size=20))
@settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40
)
def test_what_goes_in_comes_out_in_order(tmp_path: Path, rows: list[list[str]]) -> None:
    with RunStore(tmp_path) as store:
        store.add_rows(1, rows)
        for number in reversed(range(1, len(rows) + 1)):
            store.record([(number, [f"answer {number}", number, 0.5, None])])
        expected = [(row, [f"answer {n}", n, 0.5, None]) for n, row in enumerate(rows, 1)]
        assert list(store.decided_rows()) == expected
        assert store.rows_after(0, 3) == list(enumerate(rows, 1))[:3]


def test_rows_come_page_by_page(tmp_path: Path) -> None:
    with RunStore(tmp_path) as store:
        store.add_rows(1, [[str(n)] for n in range(1, 2502)])
        store.record([(n, [n]) for n in range(1, 2502)])
        assert [outcome[0] for _, outcome in store.decided_rows()] == list(range(1, 2502))
        assert store.rows_after(2499, 100) == [(2500, ["2500"]), (2501, ["2501"])]


def test_it_leaves_no_name_behind_and_keeps_a_copy_for_its_owner_alone(tmp_path: Path) -> None:
    with RunStore(tmp_path) as store:
        assert list(tmp_path.iterdir()) == []
        store.add_rows(1, [["row"]])
        store.record([(1, ["outcome"])])
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
            store.add_rows(1, [["row"]])


@pytest.mark.parametrize(
    ("pragma", "sentence"),
    [("PRAGMA max_page_count = 1", "is full"), ("PRAGMA query_only = 1", "cannot be written")],
)
def test_errors_of_the_disk_are_one_sentence(tmp_path: Path, pragma: str, sentence: str) -> None:
    with RunStore(tmp_path) as store:
        store._connection.execute(pragma)
        with pytest.raises(RunStoppedError, match=sentence) as caught:
            store.record([(n, ["canary" * 1000]) for n in range(50)])
        assert "canary" not in str(caught.value)


def test_threads_may_share_it(tmp_path: Path) -> None:
    with RunStore(tmp_path) as store:

        def fill(first: int) -> None:
            for n in range(first, 400, 4):
                store.add_rows(n + 1, [[str(n)]])
                store.record([(n + 1, [n])])

        threads = [threading.Thread(target=fill, args=(it,)) for it in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [row for row, _ in store.decided_rows()] == [[str(n)] for n in range(400)]


def test_a_store_that_cannot_be_made_is_closed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mesh_prompt_batch.run_store._SCHEMA", "no such statement")
    with pytest.raises(RunStoppedError, match="cannot be written"):
        RunStore(tmp_path)
    assert list(tmp_path.iterdir()) == []
