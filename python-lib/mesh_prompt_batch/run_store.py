"""The run's rows and their outcomes on local disk, so that order costs no memory and nothing is written half.

One SQLite file that need not survive: readable by its owner alone, and without a name from the moment it is open where
the system allows that. `keep` gives it one again. Its journal is in memory: when the disk is full, what was there
before can still be read.
"""

import contextlib
import json
import os
import shutil
import sqlite3
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mesh_prompt_batch import run_tables
from mesh_prompt_batch.errors import RunStoppedError
from mesh_prompt_batch.sqlite_batches import insert_rows, rows_among

if TYPE_CHECKING:
    from typing_extensions import Self

NEEDED_FREE_BYTES = 64 * 1024 * 1024
# The place of outcomes that the table has no room for: behind all that it holds.
_BEHIND_THE_TABLE = 1 << 62
# Keys are random: each changes a page of the index, and until the end of a transaction the journal holds all of these.
_ROWS_A_TRANSACTION = 100
_PAGE = 250
_PAGE_CHARACTERS = 4 * 1024 * 1024


class KeyedRow(NamedTuple):
    """A row's cells, the key of its answer, and its lane.

    `key` is None for a row that is not asked or not compared. Rows of different lanes do not wait for one another.
    """

    cells: Sequence[str]
    key: bytes | None
    lane: int = 0


class Reused(NamedTuple):
    """How many rows need no call: answered by an earlier run, or asking what an earlier row asks."""

    resumed: int
    identical: int


class RecordedOutcome(NamedTuple):
    number: int
    answered: bool
    record: str


class DecidedRow(NamedTuple):
    """`record` is None where the row is not decided; `source` is call, resumed or identical."""

    number: int
    cells: list[str]
    record: str | None
    source: str


class RunStore:
    """Rows by number, from 1.

    All methods may be called from any thread, and raise RunStoppedError when the disk is full. Outcomes that it has no
    room for stay in memory, where `answers_after` finds them.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lock = threading.Lock()
        self._longest = self._longest_record = 1
        self._without_room: list[RecordedOutcome] = []
        with _disk_errors(directory):
            handle, name = tempfile.mkstemp(prefix="prompt-batch-", suffix=".sqlite", dir=directory)
        os.close(handle)
        self._connection = sqlite3.connect(name, check_same_thread=False, isolation_level=None)
        try:
            with _disk_errors(directory):
                self._connection.executescript(run_tables.SCHEMA)
        except RunStoppedError:
            self._connection.close()
            raise
        finally:
            # Windows refuses to unlink an open file: there the job's directory is what cleans up.
            with contextlib.suppress(PermissionError):
                Path(name).unlink()

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def add_answers(self, answers: Sequence[tuple[bytes, str]]) -> None:
        """Key and record of what earlier runs left; before the first row is added. Refuses as `add_rows` does."""
        self._check_free_space()
        with self._transaction() as connection:
            insert_rows(connection, "INSERT INTO answer (key, record)", answers)

    def all_answers_added(self) -> int:
        """The number of different answers. An index made afterwards is made in one go."""
        with self._transaction() as connection:
            connection.execute("CREATE INDEX answer_key ON answer (key)")
            return int(connection.execute("SELECT COUNT(DISTINCT key) FROM answer").fetchone()[0])

    def add_rows(self, first_number: int, rows: Sequence[KeyedRow]) -> Reused:
        """Refuses while disk space is left: a full disk would stop every other job of the instance too."""
        self._check_free_space()
        steps = range(0, len(rows), _ROWS_A_TRANSACTION)
        added = [self._add(first_number + at, rows[at : at + _ROWS_A_TRANSACTION]) for at in steps]
        return Reused(sum(it.resumed for it in added), sum(it.identical for it in added))

    def _check_free_space(self) -> None:
        if shutil.disk_usage(self.directory).free < NEEDED_FREE_BYTES:
            raise _disk_full(self.directory)

    def _add(self, first_number: int, rows: Sequence[KeyedRow]) -> Reused:
        numbered = [
            (number, row.key, row.lane, json.dumps(row.cells))
            for number, row in enumerate(rows, first_number)
        ]
        longest = max((len(it[3]) for it in numbered), default=1)
        added = {"first": first_number, "last": first_number + len(rows) - 1}
        with self._transaction() as connection:
            self._longest = max(self._longest, longest)
            insert_rows(connection, "INSERT INTO input", numbered)
            connection.execute(run_tables.RESUME, added)
            connection.execute(run_tables.COPY, added)
            return Reused(*connection.execute(run_tables.COUNTS, added).fetchone())

    def times_seen(self, fingerprints: Sequence[bytes]) -> list[int]:
        """For each of them, how often it came before, in this call and all earlier ones."""
        with self._transaction() as connection:
            seen = Counter[bytes](dict(rows_among(connection, run_tables.SEEN, [*{*fingerprints}])))
            before = []
            for one in fingerprints:
                before.append(seen[one])
                seen[one] += 1
            insert_rows(connection, "INSERT OR REPLACE INTO seen", [*seen.items()])
        return before

    def rows_to_ask(
        self, lane: int, after: int, limit: int
    ) -> tuple[list[tuple[int, list[str]]], int]:
        """At most `limit` rows of a lane in input order from behind row `after`, and the row up to which was looked."""
        with self._lock:
            limit = max(1, min(limit, _PAGE_CHARACTERS // self._longest))
            page, newest = self._connection.execute(
                run_tables.TO_ASK, (lane, after, limit)
            ).fetchone()
        # SQLite promises no order within the text, though it is the one asked for.
        found = [(number, cells) for number, cells in sorted(json.loads(f"[{page or ''}]"))]
        last = found[-1][0] if len(found) == limit else max(after, newest or 0)
        return found, last

    def record(self, outcomes: Sequence[RecordedOutcome]) -> None:
        try:
            if self._without_room:
                raise _disk_full(self.directory)
            longest = max((len(it.record) for it in outcomes), default=1)
            with self._transaction() as connection:
                self._longest_record = max(self._longest_record, longest)
                insert_rows(connection, "INSERT INTO outcome (number, answered, record)", outcomes)
        except RunStoppedError:
            with self._lock:
                self._without_room += outcomes
            raise

    def answers_after(
        self, place: int, most_characters: int
    ) -> tuple[list[tuple[bytes, str]], int]:
        """Key and record of answers in the order of recording, and the place up to which was looked.

        They are of this run, have a key, were recorded behind `place`, and end when they are about so many characters.
        """
        answers: list[tuple[bytes, str]] = []
        characters = 0
        with self._lock:
            limit = max(1, min(_PAGE, most_characters // self._longest_record))
            while characters < most_characters:
                last, text = self._connection.execute(run_tables.ANSWERS, (place, limit)).fetchone()
                if last is None:
                    break
                place = last
                # SQLite promises no order within the text, though it is the one asked for.
                lines = (line.split(" ", 2) for line in text.split("\n")) if text else ()
                for _, key, record in sorted(lines, key=lambda it: int(it[0])):
                    answers.append((bytes.fromhex(key), record))
                    characters += len(record)
            else:
                return answers, place
            for at, (number, answered, record) in enumerate(self._without_room, _BEHIND_THE_TABLE):
                if at > place:
                    place = at
                    if answered and (key := self._key(number)) is not None:
                        answers.append((key, record))
        return answers, place

    def answers_recorded(self) -> int:
        """How many rows of this run have an answer with a key."""
        with self._lock:
            found = self._connection.execute(
                "SELECT COUNT(*) FROM outcome JOIN input USING (number) WHERE answered AND key IS NOT NULL"
            )
            held = int(found.fetchone()[0])
            keys = [self._key(it.number) for it in self._without_room if it.answered]
            return held + len(keys) - keys.count(None)

    def _key(self, number: int) -> bytes | None:
        query = "SELECT key FROM input WHERE number = ?"
        key: bytes | None = self._connection.execute(query, (number,)).fetchone()[0]
        return key

    def failed_copies(self) -> int:
        """How many rows ask what a row asked that failed."""
        with self._lock:
            found = self._connection.execute(
                "SELECT COUNT(*) FROM reused JOIN outcome ON outcome.number = twin WHERE NOT answered"
            )
            return int(found.fetchone()[0])

    def decided_rows(self) -> Iterator[DecidedRow]:
        """Every row, in input order."""
        return self._decided(run_tables.ROWS + run_tables.PAGE_OF)

    def failed_rows(self) -> Iterator[DecidedRow]:
        """The rows without an answer, in input order."""
        return self._decided(run_tables.ROWS + run_tables.NOT_ANSWERED + run_tables.PAGE_OF)

    def _decided(self, query: str) -> Iterator[DecidedRow]:
        last = 0
        while page := self._page(query, last):
            last = page[-1][0]
            for number, cells, record, source in page:
                yield DecidedRow(number, json.loads(cells), record, source)

    def keep(self, path: Path) -> None:
        """Write all that is here to `path`, an SQLite file that only its owner can read."""
        with _disk_errors(path.parent):
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600))
            with contextlib.closing(sqlite3.connect(path)) as copy, self._lock:
                self._connection.backup(copy)

    def _page(self, query: str, after: int) -> list[tuple[int, str, str | None, str]]:
        """At least one, where any is left."""
        page, characters = list[tuple[int, str, str | None, str]](), 0
        with self._lock, contextlib.closing(self._connection.cursor()) as found:
            for row in found.execute(query, (after, _PAGE)):
                page.append(row)
                characters += len(row[1]) + len(row[2] or "")
                if characters > _PAGE_CHARACTERS:
                    break
        return page

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with _disk_errors(self.directory), self._lock:
            self._connection.execute("BEGIN")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


@contextlib.contextmanager
def _disk_errors(directory: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
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
