"""The public API of an instance: its projects, their datasets, their recipes."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from aiohttp import web

from local_dss.instance import (
    CODE_RECIPE,
    PLUGIN_RECIPE,
    Instance,
    ManagedProject,
    body_with,
    refs,
)
from local_dss.project import Project, StoredDataset
from local_dss.project_api import ProjectApi
from local_dss.refusals import illegal, refused, there

DATASET_CONNECTION = "filesystem_managed"
_KEY, _NAME = re.compile(r"[A-Z][A-Z0-9_]*"), re.compile(r"\w+")
_SHARED = ("_read_variables", "_write_variables", "_metadata", "_recipes", "_graph")


@dataclass
class ProjectRoutes:
    instance: Instance

    def add_to(self, app: web.Application, root: str) -> None:
        router, project = app.router, f"{root}/projects/{{project}}"
        router.add_get(f"{root}/projects/", self._list)
        router.add_post(f"{root}/projects/", self._create)
        router.add_delete(project, self._delete)
        shared = {it: self._shared(it) for it in _SHARED}
        router.add_get(f"{project}/variables/", shared["_read_variables"])
        router.add_put(f"{project}/variables/", shared["_write_variables"])
        router.add_get(f"{project}/datasets/{{name}}/metadata", shared["_metadata"])
        router.add_get(f"{project}/recipes/", shared["_recipes"])
        router.add_get(f"{project}/flow/graph/", shared["_graph"])
        router.add_post(f"{project}/datasets/managed", self._create_dataset)
        router.add_get(f"{project}/datasets/{{name}}", self._dataset)
        router.add_put(f"{project}/datasets/{{name}}", self._save_dataset)
        router.add_get(f"{project}/datasets/{{name}}/schema", self._schema)
        router.add_get(f"{project}/datasets/{{name}}/data/", self._data)
        router.add_get(f"{project}/datasets/{{name}}/finish-streaming/", self._verify)
        router.add_get(f"{project}/datasets/{{name}}/metrics/last/{{part}}", self._metrics)
        router.add_post(f"{project}/recipes/", self._create_recipe)
        router.add_get(f"{project}/recipes/{{name}}", self._recipe)
        router.add_put(f"{project}/recipes/{{name}}", self._save_recipe)

    def _shared(self, name: str) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> Any:
            return await getattr(self.instance.project(request).api, name)(request)

        return handle

    async def _list(self, request: web.Request) -> web.Response:
        self.instance.gate.check(request)
        return web.json_response([{"projectKey": it} for it in self.instance.projects])

    async def _create(self, request: web.Request) -> web.Response:
        self.instance.gate.check(request)
        body = await body_with(request, "projectKey", "name", "owner")
        key = body["projectKey"]
        if not _KEY.fullmatch(key) or key in self.instance.projects:
            raise illegal(f"No project key, or one that is taken: {key}")
        if body["owner"] != "analyst":
            raise illegal(f"No user {body['owner']}")
        files = Project(self.instance.folder / "projects" / key, key)
        api = ProjectApi(files)
        api.let_in(self.instance.gate)
        self.instance.projects[key] = ManagedProject(api, files)
        self.instance.gate.projects.add(key)
        return web.Response(text="Created project")

    async def _delete(self, request: web.Request) -> web.Response:
        project = self.instance.project(request, writes=True)
        if any(it.running for it in project.runs.values()):
            raise refused(500, "java.lang.IllegalStateException", "Jobs of this project run")
        del self.instance.projects[project.files.key]
        self.instance.gate.projects.discard(project.files.key)
        ended = {"hasResult": True, "result": {"messages": []}}
        return web.json_response(ended if self.instance.deletions_told else {})

    async def _create_dataset(self, request: web.Request) -> web.Response:
        project = self.instance.project(request, writes=True)
        body = await body_with(request, "name", "creationSettings")
        name, connection = body["name"], body["creationSettings"].get("connectionId")
        if not _NAME.fullmatch(name) or name in project.datasets:
            raise illegal(f"No name for a dataset, or one that is taken: {name}")
        if connection != DATASET_CONNECTION:
            raise refused(500, "java.io.IOException", f"Connection {connection} does not exist")
        project.datasets[name] = {
            "projectKey": project.files.key,
            "name": name,
            "type": "Filesystem",
            "managed": True,
            "params": {"connection": connection, "path": f"/{name}"},
            "formatType": "csv",
            "formatParams": {"style": "excel", "separator": "\t"},
            "partitioning": {"ignoreNonMatchingFile": False, "dimensions": []},
            "schema": {"userModified": False, "columns": []},
        }
        # Where its rows will lie: macros look there for the project's datasets.
        project.files.dataset(name).folder.mkdir(parents=True)
        return web.json_response(project.datasets[name])

    async def _dataset(self, request: web.Request) -> web.Response:
        settings, stored = self._found(request)
        columns = {"userModified": False, "columns": stored.schema}
        return web.json_response({**settings, "schema": columns})

    async def _save_dataset(self, request: web.Request) -> web.Response:
        project = self.instance.project(request, writes=True)
        settings, stored = self._found(request)
        body = await body_with(request, "name", "type", "params", "schema", "partitioning")
        if (body["name"], body["type"]) != (settings["name"], settings["type"]):
            raise illegal("Name and type of a dataset stay")
        dimensions = body["partitioning"]["dimensions"]
        if dimensions and not body["partitioning"].get("filePathPattern"):
            raise illegal("A partitioned dataset of files needs a pattern of paths")
        stored.set_schema(body["schema"]["columns"])
        project.datasets[settings["name"]] = body
        return web.Response(status=204)

    async def _schema(self, request: web.Request) -> web.Response:
        _, stored = self._found(request)
        return web.json_response({"userModified": False, "columns": stored.schema})

    async def _data(self, request: web.Request) -> web.Response:
        settings, stored = self._found(request)
        if request.query.get("format") != "tsv-excel-noheader":
            raise illegal(f"Unknown format: {request.query.get('format')}")
        places = [stored.data]
        if settings["partitioning"]["dimensions"]:
            wanted = request.query.get("partitions")
            chosen = f"partitions/{quote(wanted, safe='')}" if wanted else "partitions/*"
            places = sorted(stored.folder.glob(f"{chosen}/data.tsv"))
        body = b"".join(it.read_bytes() for it in places if it.exists())
        return web.Response(body=body, content_type="text/tab-separated-values")

    async def _verify(self, request: web.Request) -> web.Response:
        self._found(request)
        if "readSessionId" not in request.query:
            raise illegal("readSessionId is missing")
        return web.Response(status=204)

    async def _metrics(self, request: web.Request) -> web.Response:
        _, stored = self._found(request)
        part = request.match_info["part"]
        published = stored.metrics.get("" if part == "NP" else part, {})
        metrics = [
            {
                "metric": {"id": f"external:{name}", "type": "external"},
                "lastValues": [{"partition": part, "dataType": "DOUBLE", "value": str(value)}],
            }
            for name, value in published.items()
        ]
        return web.json_response({"metrics": metrics})

    async def _create_recipe(self, request: web.Request) -> web.Response:
        project = self.instance.project(request, writes=True)
        body = await body_with(request, "recipePrototype", "creationSettings")
        recipe, creation = body["recipePrototype"], body["creationSettings"]
        if {*recipe} < {"type", "name", "inputs", "outputs", "projectKey"}:
            raise illegal(f"Keys of a recipe are missing: {sorted(recipe)}")
        if recipe["name"] in project.recipes or not refs(recipe["outputs"]):
            raise illegal("The name of the recipe is taken, or it has no output")
        payload = self._payload(recipe["type"], creation)
        params = recipe.get("params", {}) if creation.get("rawCreation") else {}
        name = f"{recipe['name']}_1" if self.instance.renames_recipes else recipe["name"]
        stored = {**recipe, "name": name, "params": self._placed(params)}
        if self.instance.raw_params == "dropped":
            del stored["params"]
        self._check_refs(project, stored)
        project.recipes[name] = {"recipe": stored, "payload": payload}
        project.tell_api()
        return web.json_response({"name": name})

    def _payload(self, kind: str, creation: Mapping[str, Any]) -> str:
        if kind == CODE_RECIPE:
            return str(creation.get("script") or "")
        if not kind.startswith(PLUGIN_RECIPE):
            raise illegal(f"Unknown type of recipe: {kind}")
        component = kind.removeprefix(PLUGIN_RECIPE)
        owners = [it.files.folder for it in self.instance.plugins.values()]
        if not any((it / "custom-recipes" / component).is_dir() for it in owners):
            raise illegal(f"Unknown type of recipe: {kind}")
        return ""

    def _placed(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The settings of a form stand where this DSS has them, however they were sent."""
        rest = {name: it for name, it in params.items() if name != "customConfig"}
        config = dict(params.get("customConfig", {}))
        if config and self.instance.raw_params == "added":
            config["kit_has_no_such_key"] = "added by DSS"
        return {**rest, self.instance.config_place: config}

    async def _recipe(self, request: web.Request) -> web.Response:
        project = self.instance.project(request)
        return web.json_response(there(project.recipes, request.match_info["name"], "recipe"))

    async def _save_recipe(self, request: web.Request) -> web.Response:
        project = self.instance.project(request, writes=True)
        name = request.match_info["name"]
        there(project.recipes, name, "recipe")
        body = await body_with(request, "recipe", "payload")
        self._check_refs(project, body["recipe"])
        project.recipes[name] = json.loads(json.dumps(body))
        project.tell_api()
        return web.json_response({"versionTag": {}})

    def _check_refs(self, project: ManagedProject, recipe: Mapping[str, Any]) -> None:
        known = {*project.datasets, *project.folders}
        unknown = {*refs(recipe["inputs"]), *refs(recipe["outputs"])} - known
        if unknown:
            raise illegal(f"No dataset or folder: {', '.join(sorted(unknown))}")

    def _found(self, request: web.Request) -> tuple[dict[str, Any], StoredDataset]:
        project = self.instance.project(request)
        name = request.match_info["name"]
        return there(project.datasets, name, "dataset"), project.files.dataset(name)
