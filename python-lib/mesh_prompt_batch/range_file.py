"""A local file that only grows, and readers of its ranges."""

import contextlib
import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from mesh_prompt_batch.errors import RunStoppedError


class RangeFile:
    """Without a name where the system allows that, readable by its owner alone."""

    def __init__(self, directory: Path) -> None:
        with _disk_errors():
            self._file = tempfile.TemporaryFile(prefix="prompt-batch-", dir=directory)  # noqa: SIM115  # `close`
        self.size = 0

    def close(self) -> None:
        self._file.close()

    def append(self, data: bytes) -> tuple[int, int]:
        """Start and end of the new range. Raises RunStoppedError when the disk is full."""
        start = self.size
        with _disk_errors():
            self._file.seek(start)
            self._file.write(data)
            self._file.flush()
        self.size += len(data)
        return start, self.size

    def reader(self, start: int, end: int) -> IO[bytes]:
        """A file of its own, as uploads want one."""
        return cast("IO[bytes]", io.BufferedReader(_Range(self._file.fileno(), start, end)))


@contextlib.contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunStoppedError(
            f"The job's working directory cannot be written ({error.strerror}): free some space there."
        ) from None


class _Range(io.RawIOBase):
    def __init__(self, descriptor: int, start: int, end: int) -> None:
        super().__init__()
        self._descriptor, self._start, self._end = descriptor, start, end
        self._at = start

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: self._start, io.SEEK_CUR: self._at, io.SEEK_END: self._end}[whence]
        self._at = max(self._start, base + offset)
        return self._at - self._start

    def readinto(self, buffer: bytearray, /) -> int:  # type: ignore[override]  # any buffer that can be written
        data = os.pread(self._descriptor, min(len(buffer), max(0, self._end - self._at)), self._at)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
