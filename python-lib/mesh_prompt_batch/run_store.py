"""The run's rows and their outcomes on local disk, so that order costs no memory and nothing is written half.

One SQLite file that need not survive: without a journal, readable by its owner alone, and without a name from the
moment it is open where the system allows that. `keep` gives it one again.
"""

import contextlib
import json
import os
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from mesh_prompt_batch.errors import RunStoppedError

if TYPE_CHECKING:
    from typing_extensions import Self

NEEDED_FREE_BYTES = 64 * 1024 * 1024
_PAGE = 1_000
_SCHEMA = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    CREATE TABLE input (number INTEGER PRIMARY KEY, cells TEXT NOT NULL);
    CREATE TABLE outcome (number INTEGER PRIMARY KEY, cells TEXT NOT NULL);
"""

Cells = Sequence[str | int | float | None]


class RunStore:
    """Rows by number, from 1.

    All methods may be called from any thread, and raise RunStoppedError when the disk is full.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        handle, name = tempfile.mkstemp(prefix="prompt-batch-", suffix=".sqlite", dir=directory)
        os.close(handle)
        self._connection = sqlite3.connect(name, check_same_thread=False, isolation_level=None)
        try:
            with _disk_errors(directory):
                self._connection.executescript(_SCHEMA)
        except RunStoppedError:
            self._connection.close()
            raise
        finally:
            # Windows refuses to unlink an open file: there the job's directory is what cleans up.
            with contextlib.suppress(PermissionError):
                Path(name).unlink()

    def __enter__(self) -> "Self":
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def add_rows(self, first_number: int, rows: Iterable[Sequence[str]]) -> None:
        """Refuses while disk space is left: a full disk would stop every other job of the instance too."""
        if shutil.disk_usage(self._directory).free < NEEDED_FREE_BYTES:
            raise _disk_full(self._directory)
        self._insert("input", enumerate(rows, first_number))

    def rows_after(self, number: int, limit: int) -> list[tuple[int, list[str]]]:
        """At most `limit` rows in input order, the first of them after row `number`."""
        with self._lock:
            found = self._connection.execute(
                "SELECT number, cells FROM input WHERE number > ? ORDER BY number LIMIT ?",
                (number, limit),
            ).fetchall()
        return [(row_number, json.loads(cells)) for row_number, cells in found]

    def record(self, outcomes: Iterable[tuple[int, Cells]]) -> None:
        """The outcome's cells by row number."""
        self._insert("outcome", outcomes)

    def decided_rows(self) -> Iterator[tuple[list[str], list[str | int | float | None]]]:
        """Cells of every row and of its outcome, in input order."""
        last = 0
        while page := self._decided_after(last):
            last = page[-1][0]
            for _, row, outcome in page:
                yield json.loads(row), json.loads(outcome)

    def keep(self, path: Path) -> None:
        """Write all that is here to `path`, an SQLite file that only its owner can read."""
        with _disk_errors(path.parent):
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600))
            with contextlib.closing(sqlite3.connect(path)) as copy, self._lock:
                self._connection.backup(copy)

    def _decided_after(self, number: int) -> list[tuple[int, str, str]]:
        with self._lock:
            return self._connection.execute(
                "SELECT number, input.cells, outcome.cells FROM input JOIN outcome USING (number)"
                " WHERE number > ? ORDER BY number LIMIT ?",
                (number, _PAGE),
            ).fetchall()

    def _insert(self, table: str, rows: Iterable[tuple[int, Sequence[object]]]) -> None:
        encoded = [(number, json.dumps(cells)) for number, cells in rows]
        with _disk_errors(self._directory), self._lock:
            self._connection.execute("BEGIN")
            self._connection.executemany(f"INSERT INTO {table} VALUES (?, ?)", encoded)  # noqa: S608
            self._connection.execute("COMMIT")


@contextlib.contextmanager
def _disk_errors(directory: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if "full" in str(error) or "disk I/O" in str(error):
            raise _disk_full(directory) from None
        raise RunStoppedError(f"The run store in {directory} cannot be written: {error}.") from None
    except OSError as error:
        raise RunStoppedError(
            f"The run store in {directory} cannot be written: {error.strerror}."
        ) from None


def _disk_full(directory: Path) -> RunStoppedError:
    return RunStoppedError(
        f"The disk of the job's working directory ({directory}) is full: free some space, or run fewer rows"
        " at a time with 'Only the first rows'; the output keeps what it held."
    )
