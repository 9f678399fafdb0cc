"""The routes of an instance that is managed through its public API: an unknown route is a 404, a wrong body a 400."""

from aiohttp import web

from local_dss.gate import Gate
from local_dss.instance import Instance
from local_dss.instance_folders import FolderRoutes
from local_dss.instance_plugins import PluginRoutes
from local_dss.instance_projects import ProjectRoutes
from local_dss.instance_runs import RunRoutes
from local_dss.instance_scenarios import ScenarioRoutes


def add_routes(instance: Instance, app: web.Application, root: str, gate: Gate) -> None:
    """`gate` lets in whoever may call; it learns the projects that are made."""
    instance.gate = gate
    for routes in (PluginRoutes, ProjectRoutes, FolderRoutes, RunRoutes, ScenarioRoutes):
        routes(instance).add_to(app, root)
