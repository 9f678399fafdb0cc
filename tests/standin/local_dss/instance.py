"""An instance of DSS that is managed through its public API: plugins, code envs, projects and what lies in them."""

import json
import secrets
import signal
import string
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from local_dss.behaviour import Behaviour
from local_dss.code_env import Plugin
from local_dss.gate import Gate
from local_dss.job_description import JobDescription
from local_dss.managed_run import ManagedRun
from local_dss.process import StartProcess, cold
from local_dss.project import Project
from local_dss.project_api import ProjectApi
from local_dss.refusals import illegal, refused, there

CODE_RECIPE = "python"
PLUGIN_RECIPE = "CustomCode_"


@dataclass
class ManagedProject:
    """`datasets`, `folders`, `recipes` and `scenarios` as the API shows them, by name or id."""

    api: ProjectApi
    files: Project
    datasets: dict[str, dict[str, Any]] = field(default_factory=dict)
    folders: dict[str, dict[str, Any]] = field(default_factory=dict)
    recipes: dict[str, dict[str, Any]] = field(default_factory=dict)
    scenarios: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs: dict[str, ManagedRun] = field(default_factory=dict)

    def tell_api(self) -> None:
        """After recipes changed: what macros read of the flow."""
        stored = {name: it["recipe"] for name, it in self.recipes.items()}
        self.api.definitions = stored
        self.api.recipes = {
            name: (refs(it["inputs"]), refs(it["outputs"])) for name, it in stored.items()
        }

    @property
    def variables(self) -> dict[str, str]:
        whole = {**self.api.variables["standard"], **self.api.variables["local"]}
        return {name: it if isinstance(it, str) else json.dumps(it) for name, it in whole.items()}


@dataclass
class InstalledPlugin:
    """`settings` as the API shows them."""

    version: str
    files: Plugin
    settings: dict[str, Any]


@dataclass
class Instance:
    """`python` runs code recipes, and the plugin once its code env is "built".

    abort_signal: what a job's process receives first; abort_seconds: after which it is killed. config_place: where
    a plugin recipe's settings stand in its `params`. macro_result_told: steps after a macro find its result.
    whole_log: a job's own log holds those of its activities. log_after_abort: it goes on after an abort. cells_escaped:
    the API escapes HTML in the cells of a macro's table. builds_end: the build of a code env ends by itself.
    installs_end: so does the call that installs a plugin; install_asked: it has come. deletions_told: a deletion has a
    result; else it is silent though done, and a plugin's is told as a failure. deletes_plugins: a plugin's deletion is
    told, and done.
    raw_params: what a new recipe has of its `params`: "kept", "dropped", or with more "added". renames_recipes: a new
    recipe gets another name than asked for. macro_failure: a macro that fails has an "error" for a result, or "text".
    env_update_fails: an update of a code env tells that it failed. scenarios_start: a run follows when one is fired.
    """

    folder: Path
    python: Path
    behaviour: Behaviour = field(default_factory=Behaviour)
    version: str = "14.5.1"
    abort_signal: signal.Signals = signal.SIGTERM
    abort_seconds: float = 1.0
    config_place: str = "customConfig"
    macro_result_told: bool = False
    whole_log: bool = True
    log_after_abort: bool = True
    cells_escaped: bool = False
    builds_end: bool = True
    installs_end: bool = True
    deletions_told: bool = True
    deletes_plugins: bool = True
    raw_params: str = "kept"
    renames_recipes: bool = False
    macro_failure: str = "error"
    env_update_fails: bool = False
    scenarios_start: bool = True
    install_asked: threading.Event = field(default_factory=threading.Event)
    plugins: dict[str, InstalledPlugin] = field(default_factory=dict)
    code_envs: dict[str, dict[str, Any]] = field(default_factory=dict)
    env_builds: set[str] = field(default_factory=set)
    projects: dict[str, ManagedProject] = field(default_factory=dict)
    host: str = ""
    front: str = ""
    gate: Gate = field(default_factory=Gate)
    start_process: StartProcess = cold

    def project(self, request: web.Request, *, writes: bool = False) -> ManagedProject:
        self.gate.check(request, writes=writes)
        return self.projects[request.match_info["project"]]

    def managed_folder(self, request: web.Request, *, writes: bool = False) -> Path:
        project = self.project(request, writes=writes)
        found = there(project.folders, request.match_info["folder"], "managed folder")
        return project.files.managed_folder(found["id"])

    def describe(self, project: ManagedProject, **more: Any) -> JobDescription:
        """A job of this project, as its own process is told."""
        return JobDescription(
            **{
                "project": str(project.files.folder),
                "project_key": project.files.key,
                "host": self.host,
                "ticket": min(self.gate.tickets),
                "variables": project.variables,
                "remote_variables": self._front_variables(),
                "behaviour": self.behaviour,
                **more,
            }
        )

    def _front_variables(self) -> dict[str, str]:
        """Where a job finds the port of browsers, if DSS tells it."""
        scheme, _, place = self.front.partition("://")
        host, _, port = place.partition(":")
        names = ("DKU_BASE_PROTOCOL", "DKU_BACKEND_HOST", "DKU_NGINX_PORT")
        return dict(zip(names, (scheme, host, port), strict=True)) if place else {}

    def runnable_plugin(self, plugin_id: str) -> InstalledPlugin:
        """Raises where DSS has no such plugin, or no code env for it."""
        plugin: InstalledPlugin = there(self.plugins, plugin_id, "plugin")
        if plugin.settings.get("codeEnvName") not in self.code_envs:
            raise refused(500, "java.lang.IllegalStateException", "The plugin has no code env")
        return plugin

    def stop(self) -> None:
        """No process outlives the instance."""
        for project in self.projects.values():
            for run in project.runs.values():
                run.kill()


async def body_with(request: web.Request, *keys: str) -> dict[str, Any]:
    """The request's JSON, which must have these keys."""
    try:
        body = await request.json()
    except json.JSONDecodeError:
        raise refused(500, "com.google.gson.JsonSyntaxException", "Not JSON") from None
    missing = [it for it in keys if not isinstance(body, dict) or it not in body]
    if missing:
        words = f"Missing in the request: {', '.join(missing)}"
        raise illegal(words)
    return body  # type: ignore[no-any-return]  # a dict, as was just looked at


def refs(roles: Mapping[str, Any]) -> list[str]:
    return [item["ref"] for role in roles.values() for item in role["items"]]


def new_id() -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(8))
