"""The writer of a dataset: text by type, five megabytes held back, one at a time, used by one thread."""

import atexit
import io
import math
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timezone
from types import TracebackType

import pandas as pd
from typing_extensions import Self

from local_dss.behaviour import Behaviour
from local_dss.moments import passing
from local_dss.project import StoredDataset, tsv_line

HELD_BACK = 5 * 1024 * 1024
_WHOLE_NUMBERS = ("bigint", "int", "smallint", "tinyint")


class DatasetWriter:
    """Overwrites, or appends, from the moment it is opened; what it wrote can be read once it is closed."""

    active_writers: dict[str, "DatasetWriter"] = {}  # noqa: RUF012  # DSS's own attribute

    def __init__(
        self,
        full_name: str,
        stored: StoredDataset,
        schema: Sequence[Mapping[str, object]],
        *,
        append: bool,
        behaviour: Behaviour,
    ) -> None:
        if full_name in self.active_writers:
            raise RuntimeError(f"Unable to open a writer: {full_name} has one already.")
        if not schema:
            raise RuntimeError(f"Write the schema of {full_name} before its rows.")
        self._full_name = full_name
        self._stored = stored
        self._types = [str(column["type"]) for column in schema]
        self._names = [str(column["name"]) for column in schema]
        self._behaviour = behaviour
        self._thread = threading.get_ident()
        self._first_frame: list[tuple[str, str]] | None = None
        self._held, self._rows = io.StringIO(newline=""), 0
        self._size_before = stored.data.stat().st_size if append and stored.data.exists() else 0
        stored.start_session(append=append)
        self.active_writers[full_name] = self
        passing("the output is cleared", behaviour.killed_at)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None and self._behaviour.failed_writer == "discard":
            self._discard()
        else:
            self.close()

    def write_tuple(self, row: Sequence[object]) -> None:
        if len(row) != len(self._names):
            raise ValueError(f"{len(row)} values for {len(self._names)} columns.")
        if threading.get_ident() != self._thread:
            raise RuntimeError("A writer belongs to the thread that opened it.")
        cells = [self._text(value, kind) for value, kind in zip(row, self._types, strict=True)]
        self._held.write(tsv_line(cells))
        self._rows += 1
        passing("a row is written", self._behaviour.killed_at)
        if self._held.tell() > HELD_BACK:
            self._push()

    def write_row_array(self, row: Sequence[object]) -> None:
        self.write_tuple(row)

    def write_row_dict(self, row_dict: Mapping[str, object]) -> None:
        unknown = [name for name in row_dict if name not in self._names]
        if unknown and self._behaviour.extra_keys_raise:
            raise ValueError(f"Not in the schema: {', '.join(unknown)}")
        self.write_tuple([row_dict.get(name) for name in self._names])

    def write_dataframe(self, df: pd.DataFrame) -> None:
        """Frames after the first are streamed by position: they must look like it."""
        looks = [(str(name), str(df[name].dtype)) for name in df.columns]
        if self._first_frame is None:
            self._first_frame = looks
        if looks != self._first_frame or len(looks) != len(self._names):
            raise ValueError(f"The columns {looks} are not those of the first frame.")
        for row in df.itertuples(index=False, name=None):
            self.write_tuple(row)

    def close(self) -> None:
        if self.active_writers.get(self._full_name) is not self:
            return
        self._push()
        passing("rows reach the output", self._behaviour.killed_at)
        self._end()
        passing("the output is whole", self._behaviour.killed_at)
        sys.stdout.write(f"{self._rows} rows successfully written\n")

    def _push(self) -> None:
        text = self._held.getvalue()
        self._held.seek(0)
        self._held.truncate()
        refused = self._behaviour.storage_refuses
        if refused and refused in text:
            raise RuntimeError(f"ERROR: {refused!r} cannot be stored: {text!r}")
        # Lone surrogates are refused here, as by every UTF-8 encoder.
        self._stored.push(text.encode())

    def _discard(self) -> None:
        with self._stored.data.open("r+b") as file:
            file.truncate(self._size_before)
        self._end()

    def _end(self) -> None:
        del self.active_writers[self._full_name]
        self._stored.end_session()

    def _text(self, value: object, kind: str) -> str:
        text = _as_text(value)
        if text and not _fits(text, kind):
            raise ValueError(f"{kind} column: {text!r} is none")
        return text

    @staticmethod
    def _atexit_handler() -> None:
        for writer in list(DatasetWriter.active_writers.values()):
            writer.close()


atexit.register(DatasetWriter._atexit_handler)


def _as_text(value: object) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        zoned = value.astimezone(timezone.utc) if value.tzinfo else value
        return zoned.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + ("Z" if value.tzinfo else "")
    return value.isoformat() if isinstance(value, date) else str(value)


def _fits(text: str, kind: str) -> bool:
    if kind == "boolean":
        return text in ("true", "false")
    if kind in _WHOLE_NUMBERS or kind in ("double", "float"):
        try:
            int(text) if kind in _WHOLE_NUMBERS else float(text)
        except ValueError:
            return False
    return True
