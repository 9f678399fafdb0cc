"""Many rows in one step."""

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_prompt_batch.sqlite_batches import insert_rows, rows_among


@given(st.integers(0, 3000), st.integers(1, 5))
def test_every_row_comes_in_once_and_is_found(count: int, width: int) -> None:
    rows = [tuple(range(n, n + width)) for n in range(count)]
    columns = ", ".join(f"c{n}" for n in range(width))
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"CREATE TABLE t ({columns})")
        insert_rows(connection, "INSERT INTO t", rows)
        assert connection.execute("SELECT * FROM t").fetchall() == rows
        some = [*range(0, count + 10, 3)]
        found = rows_among(connection, "SELECT c0 FROM t WHERE c0", some)
        assert sorted(found) == [(n,) for n in some if n < count]


@pytest.mark.parametrize(("count", "steps"), [(1, 1), (100, 3), (256, 1), (513, 3), (2560, 10)])
def test_it_takes_few_steps(count: int, steps: int) -> None:
    told: list[str] = []
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (a, b, c)")
        connection.set_trace_callback(told.append)
        insert_rows(connection, "INSERT INTO t", [(n, n, n) for n in range(count)])
    assert len(told) == steps
