"""The public API of an instance: managed folders, known by ids that are not their names."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from local_dss.gate import refused
from local_dss.instance import Instance, body_with, new_id, there

FOLDER_CONNECTION = "filesystem_folders"


@dataclass
class FolderRoutes:
    instance: Instance

    def add_to(self, app: web.Application, root: str) -> None:
        folders = f"{root}/projects/{{project}}/managedfolders/"
        app.router.add_get(folders, self._list)
        app.router.add_post(folders, self._create)
        app.router.add_get(f"{folders}{{id}}/contents", self._contents)
        app.router.add_get(f"{folders}{{id}}/contents/{{path:.+}}", self._read)
        app.router.add_post(f"{folders}{{id}}/contents/{{path:.+}}", self._write)

    async def _list(self, request: web.Request) -> web.Response:
        return web.json_response([*self.instance.project(request).folders.values()])

    async def _create(self, request: web.Request) -> web.Response:
        project = self.instance.project(request, writes=True)
        body = await body_with(request, "name", "projectKey", "params")
        if body["params"].get("connection") != FOLDER_CONNECTION:
            raise refused(500, "java.io.IOException", "The connection does not exist")
        created: dict[str, Any] = {**body, "id": new_id()}
        project.folders[created["id"]] = created
        project.files.managed_folder(created["id"]).mkdir(parents=True)
        return web.json_response(created)

    async def _contents(self, request: web.Request) -> web.Response:
        folder = self._folder(request)
        files = sorted(it for it in folder.rglob("*") if it.is_file())
        items = [
            {"path": f"/{it.relative_to(folder)}", "size": it.stat().st_size, "lastModified": 0}
            for it in files
        ]
        return web.json_response({"items": items})

    async def _read(self, request: web.Request) -> web.Response:
        path = self._folder(request) / request.match_info["path"].lstrip("/")
        if not path.is_file():
            raise refused(404, "java.io.FileNotFoundException", "No such file in the folder")
        return web.Response(body=path.read_bytes())

    async def _write(self, request: web.Request) -> web.Response:
        path = self._folder(request, writes=True) / request.match_info["path"].lstrip("/")
        posted = (await request.post()).get("file")
        if posted is None:
            raise refused(400, "java.lang.IllegalArgumentException", "The field file is missing")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_content(posted))
        return web.json_response({"path": f"/{path.name}", "size": path.stat().st_size})

    def _folder(self, request: web.Request, *, writes: bool = False) -> Path:
        project = self.instance.project(request, writes=writes)
        found = there(project.folders, request.match_info["id"], "managed folder")
        return project.files.managed_folder(found["id"])


def _content(posted: object) -> bytes:
    """The client sends a file without a name, which then is no file to a form's reader."""
    if isinstance(posted, web.FileField):
        return posted.file.read()
    return posted.encode() if isinstance(posted, str) else bytes(posted)  # type: ignore[call-overload]  # bytes
