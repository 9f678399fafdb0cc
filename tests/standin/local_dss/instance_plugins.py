"""The public API of an instance: who it is, its plugins, their settings and code envs."""

import asyncio
import io
import json
import uuid
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from local_dss.code_env import Plugin
from local_dss.instance import InstalledPlugin, Instance, body_with
from local_dss.refusals import illegal, not_found, refused, there

INTERPRETERS = {f"PYTHON3{it}" for it in range(6, 15)}
ENDED = {"hasResult": True, "alive": False, "aborted": False}
RUNNING = {"hasResult": False, "alive": True, "aborted": False}


@dataclass
class PluginRoutes:
    instance: Instance

    def add_to(self, app: web.Application, root: str) -> None:
        plugin = f"{root}/plugins/{{plugin}}"
        app.router.add_get(f"{root}/instance-info", self._info)
        app.router.add_get(f"{root}/plugins/", self._list)
        app.router.add_post(f"{root}/plugins/actions/installFromZip", self._install)
        app.router.add_post(f"{plugin}/actions/updateFromZip", self._update)
        app.router.add_post(f"{plugin}/actions/delete", self._delete)
        app.router.add_get(f"{plugin}/settings", self._settings)
        app.router.add_post(f"{plugin}/settings", self._save_settings)
        app.router.add_post(f"{plugin}/code-env/actions/create", self._create_env)
        app.router.add_post(f"{plugin}/code-env/actions/update", self._update_env)
        app.router.add_get(f"{root}/admin/code-envs/", self._envs)
        app.router.add_get(f"{root}/admin/code-envs/PYTHON/{{env}}", self._env)
        app.router.add_delete(f"{root}/admin/code-envs/PYTHON/{{env}}", self._delete_env)
        app.router.add_get(f"{root}/futures/{{id}}", self._env_build)
        app.router.add_delete(f"{root}/futures/{{id}}", self._abort_env_build)

    async def _info(self, request: web.Request) -> web.Response:
        self.instance.gate.check(request)
        version = self.instance.version
        return web.json_response(
            {"nodeId": "local", "nodeType": "DESIGN", "dssVersion": version, "nodeName": "local"}
        )

    async def _list(self, request: web.Request) -> web.Response:
        self.instance.gate.check(request)
        listed = [
            {"id": name, "version": it.version, "isDev": False}
            for name, it in self.instance.plugins.items()
        ]
        return web.json_response(listed)

    async def _install(self, request: web.Request) -> web.Response:
        self.instance.gate.check(request)
        self.instance.install_asked.set()
        while not self.instance.installs_end:  # noqa: ASYNC110  # a test's thread sets it
            await asyncio.sleep(0.05)
        archive = await _archive(request)
        described = _descriptor(archive)
        if described["id"] in self.instance.plugins:
            raise illegal(f"Plugin {described['id']} is already installed")
        self._unpack(archive, described, {"config": {}, "presets": [], "permissions": []})
        return web.json_response({"error": False, "messages": []})

    async def _update(self, request: web.Request) -> web.Response:
        old = self._plugin(request)
        archive = await _archive(request)
        described = _descriptor(archive)
        if described["id"] != request.match_info["plugin"]:
            raise illegal(f"The archive is of the plugin {described['id']}")
        self._unpack(archive, described, old.settings)
        return web.json_response({"error": False, "messages": []})

    async def _delete(self, request: web.Request) -> web.Response:
        self._plugin(request)
        body = await body_with(request, "force")
        name = request.match_info["plugin"]
        if not body["force"] and self._is_used():
            raise refused(500, "java.lang.IllegalStateException", f"Plugin {name} is in use")
        if self.instance.deletes_plugins:
            del self.instance.plugins[name]
        success = self.instance.deletions_told
        return web.json_response({**ENDED, "result": {"success": success}})

    async def _settings(self, request: web.Request) -> web.Response:
        return web.json_response(self._plugin(request).settings)

    async def _save_settings(self, request: web.Request) -> web.Response:
        plugin = self._plugin(request)
        settings = await body_with(request, "config", "presets")
        env = settings.get("codeEnvName")
        if env and env not in self.instance.code_envs:
            raise illegal(f"No code env {env}")
        plugin.settings = settings
        return web.json_response({})

    async def _create_env(self, request: web.Request) -> web.Response:
        """There is nothing to build here: the interpreter has the packages already."""
        plugin = self._plugin(request)
        body = await body_with(request, "deploymentMode", "conda", "pythonInterpreter")
        described = json.loads((plugin.files.folder / "code-env/python/desc.json").read_text())
        wanted = body["pythonInterpreter"] or described["acceptedPythonInterpreters"][0]
        if wanted not in described["acceptedPythonInterpreters"] or wanted not in INTERPRETERS:
            raise illegal(f"The plugin does not accept {wanted}")
        name = f"plugin_{request.match_info['plugin']}_managed"
        if name in self.instance.code_envs:
            raise illegal(f"Code env {name} exists already")
        self.instance.code_envs[name] = {
            "envName": name,
            "envLang": "PYTHON",
            "deploymentMode": body["deploymentMode"],
            "desc": {"pythonInterpreter": wanted, "corePackagesSet": "PANDAS22"},
            "mandatoryPackageList": "numpy>=1.26\npandas>=2.2,<2.3\nrequests<3\n",
            "actualPackageList": "numpy==1.26.4\nopenai==3.54.0\npandas==2.2.3\n",
        }
        if not self.instance.builds_end:
            self.instance.env_builds.add(name)
            return web.json_response({**RUNNING, "jobId": name})
        messages = {"error": False, "messages": []}
        return web.json_response({**ENDED, "result": {"envName": name, "messages": messages}})

    async def _env_build(self, request: web.Request) -> web.Response:
        """The id of such a future is the name of its env."""
        self.instance.gate.check(request)
        if request.match_info["id"] not in self.instance.env_builds:
            raise not_found("future")
        return web.json_response({**RUNNING, "jobId": request.match_info["id"]})

    async def _abort_env_build(self, request: web.Request) -> web.Response:
        await self._env_build(request)
        self.instance.env_builds.discard(request.match_info["id"])
        return web.Response(status=204)

    async def _update_env(self, request: web.Request) -> web.Response:
        self.instance.runnable_plugin(self._named(request))
        failed = self.instance.env_update_fails
        words = [{"message": "no wheel for openai"}] if failed else []
        result = {"messages": {"error": failed, "messages": words}}
        return web.json_response({**ENDED, "result": result})

    async def _envs(self, request: web.Request) -> web.Response:
        self.instance.gate.check(request)
        return web.json_response([*self.instance.code_envs.values()])

    async def _env(self, request: web.Request) -> web.Response:
        self.instance.gate.check(request)
        name = request.match_info["env"]
        return web.json_response(there(self.instance.code_envs, name, "code env"))

    async def _delete_env(self, request: web.Request) -> web.Response:
        self.instance.gate.check(request)
        name = request.match_info["env"]
        there(self.instance.code_envs, name, "code env")
        if name in self.instance.env_builds:
            raise refused(500, "java.lang.IllegalStateException", f"Code env {name} is being built")
        used = [
            it for it in self.instance.plugins.values() if it.settings.get("codeEnvName") == name
        ]
        if used:
            raise refused(500, "java.lang.IllegalStateException", f"Code env {name} is in use")
        del self.instance.code_envs[name]
        return web.json_response({"messages": {"error": False, "messages": []}})

    def _named(self, request: web.Request) -> str:
        self.instance.gate.check(request)
        return request.match_info["plugin"]

    def _plugin(self, request: web.Request) -> InstalledPlugin:
        found: InstalledPlugin = there(self.instance.plugins, self._named(request), "plugin")
        return found

    def _is_used(self) -> bool:
        recipes = [it for one in self.instance.projects.values() for it in one.recipes.values()]
        return any(it["recipe"]["type"].startswith("CustomCode_") for it in recipes)

    def _unpack(
        self, archive: zipfile.ZipFile, described: Mapping[str, Any], settings: dict[str, Any]
    ) -> None:
        folder = self.instance.folder / "plugins" / f"{described['id']}-{uuid.uuid4().hex[:6]}"
        archive.extractall(folder)
        files = Plugin(folder, self.instance.python)
        installed = InstalledPlugin(described["version"], files, settings)
        self.instance.plugins[described["id"]] = installed


async def _archive(request: web.Request) -> zipfile.ZipFile:
    """The zip in the form's field `file`."""
    if not request.content_type.startswith("multipart/"):
        raise illegal("A form with a file is wanted")
    posted = (await request.post()).get("file")
    if not isinstance(posted, web.FileField):
        raise illegal("The field file is missing")
    try:
        return zipfile.ZipFile(io.BytesIO(posted.file.read()))
    except zipfile.BadZipFile:
        raise refused(500, "java.util.zip.ZipException", "The file is no archive") from None


def _descriptor(archive: zipfile.ZipFile) -> dict[str, Any]:
    if "plugin.json" not in archive.namelist():
        raise refused(500, "java.io.IOException", "The archive has no plugin.json at its root")
    described: dict[str, Any] = json.loads(archive.read("plugin.json"))
    return described
