"""The part of DSS's public API that speaks of a project's own things: its variables, its datasets, its flow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from local_dss.gate import Gate, refused
from local_dss.project import Project


@dataclass
class ProjectApi:
    """`project`: the one whose datasets there are; None: one without any.

    recipes: inputs and outputs by a recipe's name. variables: as DSS keeps them, those that travel with bundles and
    those that do not.
    """

    project: Project | None = None
    recipes: Mapping[str, tuple[Sequence[str], Sequence[str]]] = field(default_factory=dict)
    variables: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {"standard": {}, "local": {}}
    )

    def add_routes(self, app: web.Application, root: str, gate: Gate) -> None:
        """`gate` lets in whoever may read the project, and write it where that is what a route does."""
        self._gate = gate
        project = f"{root}/projects/{{project}}"
        app.router.add_get(f"{project}/variables/", self._read_variables)
        app.router.add_put(f"{project}/variables/", self._write_variables)
        app.router.add_get(f"{project}/datasets/{{name}}/metadata", self._metadata)
        app.router.add_get(f"{project}/flow/graph/", self._graph)

    @property
    def datasets(self) -> list[str]:
        folder = self.project.folder / "datasets" if self.project else None
        return sorted(it.name for it in folder.iterdir()) if folder and folder.exists() else []

    async def _read_variables(self, request: web.Request) -> web.Response:
        self._gate.check(request)
        return web.json_response(self.variables)

    async def _write_variables(self, request: web.Request) -> web.Response:
        """Replaces them all."""
        self._gate.check(request, writes=True)
        body = await request.json()
        if not isinstance(body, dict) or {*body} != {"standard", "local"}:
            raise refused(
                400, "java.lang.IllegalArgumentException", "standard and local are wanted"
            )
        self.variables = body
        return web.Response(status=204)

    async def _metadata(self, request: web.Request) -> web.Response:
        self._gate.check(request)
        name = request.match_info["name"]
        if name not in self.datasets:
            raise refused(404, "com.dataiku.dip.exceptions.NotFoundException", f"No dataset {name}")
        return web.json_response({"tags": [], "custom": {"kv": {}}, "checklists": {}})

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


def _node(
    kind: str, ref: str, before: Sequence[str] = (), behind: Sequence[str] = ()
) -> dict[str, Any]:
    return {"type": kind, "ref": ref, "predecessors": [*before], "successors": [*behind]}
