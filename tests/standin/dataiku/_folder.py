"""Managed folders, as streams of whole objects alone: a path on disk is what containers do not have."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from dataiku._job import check_declared, project, short_name


class Folder:
    """Paths begin with a slash in listings, and may begin with one anywhere."""

    def __init__(
        self, lookup: str, project_key: str | None = None, ignore_flow: bool = False
    ) -> None:
        self._name = short_name(lookup, project_key)
        check_declared(self._name, ignore_flow=ignore_flow)
        self._root = project().managed_folder(self._name)
        self._root.mkdir(parents=True, exist_ok=True)

    def get_id(self) -> str:
        return self._name

    def get_path(self) -> str:
        raise RuntimeError("This folder has no path here: the job may run in a container.")

    def list_paths_in_partition(self, partition: str = "") -> list[str]:
        files = [path for path in self._root.rglob("*") if path.is_file()]
        return sorted(f"/{path.relative_to(self._root)}" for path in files)

    @contextlib.contextmanager
    def get_download_stream(self, path: str) -> Iterator[IO[bytes]]:
        with self._at(path).open("rb") as stream:
            yield stream

    def upload_stream(self, path: str, f: IO[bytes]) -> None:
        self.upload_data(path, f.read())

    def upload_data(self, path: str, data: bytes) -> None:
        """Whole objects: a reader sees the old one or the new one."""
        target = self._at(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        part.write_bytes(data)
        part.replace(target)

    def delete_path(self, path: str) -> None:
        self._at(path).unlink()

    def clear(self) -> None:
        for path in self.list_paths_in_partition():
            self.delete_path(path)

    def _at(self, path: str) -> Path:
        found = (self._root / path.lstrip("/")).resolve()
        if not found.is_relative_to(self._root.resolve()):
            raise ValueError(f"{path} leaves the folder.")
        return found
