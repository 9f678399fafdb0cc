"""The part of DSS's public API that speaks of a project's own things: its variables, datasets, folders, its flow."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from local_dss.gate import Gate
from local_dss.project import Project
from local_dss.refusals import illegal, not_found


@dataclass
class ProjectApi:
    """`project`: the one whose datasets and folders there are; None: one without any.

    recipes: inputs and outputs by a recipe's name. definitions: recipes as they are stored, by name. row_counts: what
    DSS counted last, by dataset. variables: as DSS keeps them, those that travel with bundles and
    those that do not.
    """

    project: Project | None = None
    recipes: Mapping[str, tuple[Sequence[str], Sequence[str]]] = field(default_factory=dict)
    definitions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    row_counts: Mapping[str, int] = field(default_factory=dict)
    variables: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {"standard": {}, "local": {}}
    )

    def add_routes(self, app: web.Application, root: str, gate: Gate) -> None:
        """`gate` lets in whoever may read the project, and write it where that is what a route does."""
        self.let_in(gate)
        project = f"{root}/projects/{{project}}"
        app.router.add_get(f"{project}/variables/", self._read_variables)
        app.router.add_put(f"{project}/variables/", self._write_variables)
        app.router.add_get(f"{project}/datasets/{{name}}/metadata", self._metadata)
        app.router.add_get(f"{project}/datasets/{{name}}/metrics/last/NP", self._metrics)
        app.router.add_get(f"{project}/recipes/", self._recipes)
        app.router.add_get(f"{project}/recipes/{{name}}", self._recipe)
        app.router.add_get(f"{project}/flow/graph/", self._graph)

    def let_in(self, gate: Gate) -> None:
        self._gate = gate

    @property
    def datasets(self) -> list[str]:
        folder = self.project.folder / "datasets" if self.project else None
        return sorted(it.name for it in folder.iterdir()) if folder and folder.exists() else []

    def managed_folder(self, request: web.Request, *, writes: bool = False) -> Path:
        self._gate.check(request, writes=writes)
        name = request.match_info["folder"]
        folder = self.project.managed_folder(name) if self.project else None
        if folder is None or not folder.is_dir():
            raise not_found(f"managed folder {name}")
        return folder

    async def _read_variables(self, request: web.Request) -> web.Response:
        self._gate.check(request)
        return web.json_response(self.variables)

    async def _write_variables(self, request: web.Request) -> web.Response:
        """Replaces them all."""
        self._gate.check(request, writes=True)
        body = await request.json()
        if not isinstance(body, dict) or {*body} != {"standard", "local"}:
            raise illegal("standard and local are wanted")
        self.variables = body
        return web.Response(status=204)

    async def _metadata(self, request: web.Request) -> web.Response:
        self._gate.check(request)
        _there("dataset", request.match_info["name"], self.datasets)
        return web.json_response({"tags": [], "custom": {"kv": {}}, "checklists": {}})

    async def _metrics(self, request: web.Request) -> web.Response:
        """Of a dataset that nobody counted there is a metric less, not a zero."""
        self._gate.check(request)
        name = _there("dataset", request.match_info["name"], self.datasets)
        counted = [self.row_counts[name]] if name in self.row_counts else []
        metrics = [
            {
                "metric": {"id": "records:COUNT_RECORDS", "type": "records"},
                "lastValues": [{"partition": "NP", "dataType": "BIGINT", "value": str(it)}],
            }
            for it in counted
        ]
        return web.json_response({"metrics": metrics})

    async def _recipes(self, request: web.Request) -> web.Response:
        self._gate.check(request)
        key = request.match_info["project"]
        listed = [
            {"projectKey": key, "name": name, "type": it["type"]}
            for name, it in self.definitions.items()
        ]
        return web.json_response(listed)

    async def _recipe(self, request: web.Request) -> web.Response:
        self._gate.check(request)
        name = _there("recipe", request.match_info["name"], self.definitions)
        stored = {"projectKey": request.match_info["project"], "name": name}
        return web.json_response({"recipe": {**stored, **self.definitions[name]}, "payload": None})

    async def _graph(self, request: web.Request) -> web.Response:
        self._gate.check(request)
        return web.json_response({"nodes": self._nodes()})

    def _nodes(self) -> dict[str, dict[str, object]]:
        """Datasets that no recipe touches are in the flow too."""
        nodes: dict[str, dict[str, Any]] = {
            name: _node("COMPUTABLE_DATASET", name) for name in self.datasets
        }
        for recipe, (inputs, outputs) in self.recipes.items():
            nodes[recipe] = _node("RUNNABLE_RECIPE", recipe, inputs, outputs)
            for name in (*inputs, *outputs):
                nodes.setdefault(name, _node("COMPUTABLE_DATASET", name))
            for name in inputs:
                nodes[name]["successors"].append(recipe)
            for name in outputs:
                nodes[name]["predecessors"].append(recipe)
        return nodes


def _there(kind: str, name: str, known: Container[str]) -> str:
    if name not in known:
        raise not_found(f"{kind} {name}")
    return name


def _node(
    kind: str, ref: str, before: Sequence[str] = (), behind: Sequence[str] = ()
) -> dict[str, Any]:
    return {"type": kind, "ref": ref, "predecessors": [*before], "successors": [*behind]}
