"""Managed folders, as streams of whole objects alone: a path on disk is what containers do not have."""

import contextlib
import io
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from dataiku._job import check_declared, job, project, short_name
from local_dss.moments import passing

PIECE_BYTES = 1024 * 1024


class Folder:
    """Paths begin with a slash in listings, and may begin with one anywhere. One thread's own."""

    _uploads = _requests = 0

    def __init__(
        self, lookup: str, project_key: str | None = None, ignore_flow: bool = False
    ) -> None:
        self._name = short_name(lookup, project_key)
        check_declared(self._name, ignore_flow=ignore_flow)
        self._root = project().managed_folder(self._name)
        self._root.mkdir(parents=True, exist_ok=True)
        self._thread = threading.get_ident()

    def get_id(self) -> str:
        return self._name

    def get_path(self) -> str:
        raise RuntimeError("This folder has no path here: the job may run in a container.")

    def list_paths_in_partition(self, partition: str = "") -> list[str]:
        self._wait()
        files = [path for path in self._root.rglob("*") if path.is_file()]
        return sorted(f"/{path.relative_to(self._root)}" for path in files)

    def get_path_details(self, path: str = "/") -> dict[str, object]:
        self._wait()
        at = self._at(path)
        details: dict[str, object] = {"fullPath": path, "exists": at.exists()}
        if at.exists():
            details |= {"directory": at.is_dir(), "size": at.stat().st_size}
        return details

    @contextlib.contextmanager
    def get_download_stream(self, path: str) -> Iterator[IO[bytes]]:
        """A missing file is an error of no type of its own."""
        self._wait()
        at = self._at(path)
        if not at.is_file():
            raise RuntimeError(f"Failed to get the file: {path}")
        with at.open("rb") as stream:
            yield stream

    def upload_stream(self, path: str, f: IO[bytes]) -> None:
        """In place, as local file systems do: who is killed in the middle leaves half an object."""
        self._wait()
        what = " of the state" if path.endswith("/state.json") else ""
        self._pass("an upload begins", what)
        left = job().behaviour.folder_refuses_writes_after
        Folder._uploads += 1
        if left is not None and Folder._uploads > left:
            raise OSError(28, f"No space left on device: {path}")
        target = self._at(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        # In pieces: large objects must not be what a job's memory is measured by.
        with tempfile.TemporaryFile() as whole:
            shutil.copyfileobj(f, whole)
            half = whole.tell() // 2
            whole.seek(0)
            with target.open("wb") as file:
                _copy(whole, file, half)
                file.flush()
                self._pass("half an upload", what)
                shutil.copyfileobj(whole, file)
        self._pass("an upload ends", what)

    def upload_data(self, path: str, data: bytes) -> None:
        self.upload_stream(path, io.BytesIO(data))

    def delete_path(self, path: str) -> None:
        self._wait()
        self._pass("a deletion")
        self._at(path).unlink()

    def clear(self) -> None:
        for path in self.list_paths_in_partition():
            self.delete_path(path)

    def _wait(self) -> None:
        if threading.get_ident() != self._thread:
            raise RuntimeError("A folder belongs to the thread that opened it.")
        if self._name == job().behaviour.unreachable_folder:
            raise RuntimeError(f"The storage of {self._name} does not answer.")
        time.sleep(job().behaviour.folder_seconds)
        Folder._requests += 1
        every = job().behaviour.folder_fails_every
        if every and Folder._requests % every == 0:
            raise ConnectionError("The storage is busy.")

    def _pass(self, moment: str, what: str = "") -> None:
        for name in {moment, moment + what}:
            passing(name, job().behaviour.killed_at)

    def _at(self, path: str) -> Path:
        found = (self._root / path.lstrip("/")).resolve()
        if not found.is_relative_to(self._root.resolve()):
            raise ValueError(f"{path} leaves the folder.")
        return found


def _copy(source: IO[bytes], target: IO[bytes], size: int) -> None:
    while size > 0:
        piece = source.read(min(size, PIECE_BYTES))
        target.write(piece)
        size -= len(piece)
