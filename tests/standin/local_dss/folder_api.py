"""The part of DSS's public API that speaks of what is in managed folders: listed, read, uploaded and deleted."""

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from aiohttp import BodyPartReader, web

from local_dss.refusals import illegal, not_found


class FolderOf(Protocol):
    def __call__(self, request: web.Request, *, writes: bool = False) -> Path:
        """Where the folder is whose id the request names.

        Raises what DSS answers where there is none, or where who asks may not read it, or not write it.
        """


@dataclass
class FolderApi:
    """Whole files; a folder that nobody created is not made by an upload.

    requests: method and path of each that was let in, the path "" for a listing.
    """

    folder_of: FolderOf
    requests: list[tuple[str, str]] = field(default_factory=list)

    def add_routes(self, app: web.Application, root: str) -> None:
        contents = f"{root}/projects/{{project}}/managedfolders/{{folder}}/contents"
        file = f"{contents}/{{path:.+}}"
        app.router.add_get(contents, self._list)
        app.router.add_get(file, self._download)
        app.router.add_post(file, self._upload)
        app.router.add_delete(file, self._delete)

    async def _list(self, request: web.Request) -> web.Response:
        items = await asyncio.to_thread(_items, self._folder(request))
        return web.json_response({"items": items})

    async def _download(self, request: web.Request) -> web.StreamResponse:
        file = self._file(request)
        if not file.is_file():
            raise not_found(f"file {request.match_info['path']}")
        return web.FileResponse(file, headers={"Content-Type": "application/octet-stream"})

    async def _upload(self, request: web.Request) -> web.Response:
        """One part of a form, named `file`: half of it is never seen, as storages in a cloud promise."""
        file = self._file(request, writes=True)
        if not request.content_type.startswith("multipart/"):
            raise illegal("A multipart form is wanted")
        part = await (await request.multipart()).next()
        if not isinstance(part, BodyPartReader) or part.name != "file":
            raise illegal("No part named file")
        content = await part.read()
        await asyncio.to_thread(_put, file, content)
        return web.json_response({"path": f"/{request.match_info['path']}", "size": len(content)})

    async def _delete(self, request: web.Request) -> web.Response:
        """A file that is not there is none afterwards either."""
        self._file(request, writes=True).unlink(missing_ok=True)
        return web.Response(status=204)

    def _folder(self, request: web.Request, *, writes: bool = False) -> Path:
        folder = self.folder_of(request, writes=writes)
        self.requests.append((request.method, request.match_info.get("path", "")))
        return folder

    def _file(self, request: web.Request, *, writes: bool = False) -> Path:
        folder = self._folder(request, writes=writes)
        file = (folder / request.match_info["path"].lstrip("/")).resolve()
        if not file.is_relative_to(folder.resolve()):
            raise illegal("The path leaves the folder")
        return file


def _items(folder: Path) -> list[dict[str, object]]:
    found = []
    for file in sorted(folder.rglob("*")):
        try:
            stat = file.stat()
        except FileNotFoundError:
            continue  # deleted in the meantime
        if file.is_file() and not file.name.startswith(".upload-"):
            path = f"/{file.relative_to(folder)}"
            found.append(
                {"path": path, "size": stat.st_size, "lastModified": int(1000 * stat.st_mtime)}
            )
    return found


def _put(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix=".upload-", dir=file.parent, delete=False) as whole:
        whole.write(content)
    Path(whole.name).replace(file)
