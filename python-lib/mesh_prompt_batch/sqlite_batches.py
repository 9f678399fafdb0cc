"""Many rows into and out of SQLite in few steps.

Python's module gives up the interpreter's lock for each step of a statement, and a step is a row: beside a busy event
loop taking the lock back costs more than the row, and the loop waits for it too.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

# Before 3.32 SQLite takes no more; https://www.sqlite.org/limits.html
_MOST_VALUES = 999


def insert_rows(
    connection: sqlite3.Connection, into: str, rows: Sequence[Sequence[object]]
) -> None:
    """`into`: the statement up to VALUES. Rows are tuples of one length."""
    at = 0
    for size in _sizes(len(rows), _MOST_VALUES // len(rows[0]) if rows else 1):
        values = f"({','.join('?' * len(rows[0]))})"
        statement = f"{into} VALUES {','.join([values] * size)}"
        connection.execute(statement, tuple(chain.from_iterable(rows[at : at + size])))
        at += size


def rows_among(connection: sqlite3.Connection, where: str, values: Sequence[object]) -> list[Any]:
    """Tuples. `where`: the query up to the column that is to be one of `values`."""
    found: list[Any] = []
    for at in range(0, len(values), _MOST_VALUES):
        some = values[at : at + _MOST_VALUES]
        query = f"{where} IN ({','.join('?' * len(some))})"
        found += connection.execute(query, some).fetchall()
    return found


def _sizes(count: int, most: int) -> Iterator[int]:
    """Powers of two that add up to `count`: few different statements, so that each is compiled once."""
    size = 1 << (most.bit_length() - 1)
    while count:
        while size > count:
            size >>= 1
        yield size
        count -= size
