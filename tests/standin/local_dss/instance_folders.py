"""The public API of an instance: its managed folders, known by ids that are not their names."""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from local_dss.instance import Instance, body_with, new_id
from local_dss.refusals import refused

FOLDER_CONNECTION = "filesystem_folders"


@dataclass
class FolderRoutes:
    """What is in a folder is `folder_api.py`'s."""

    instance: Instance

    def add_to(self, app: web.Application, root: str) -> None:
        folders = f"{root}/projects/{{project}}/managedfolders/"
        app.router.add_get(folders, self._list)
        app.router.add_post(folders, self._create)

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
