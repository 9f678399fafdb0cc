"""The public API of an instance: jobs and macros, each a real process."""

import asyncio
import html
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from local_dss import job
from local_dss.code_env import Plugin
from local_dss.instance import (
    CODE_RECIPE,
    PLUGIN_RECIPE,
    Instance,
    ManagedProject,
    body_with,
    new_id,
    refs,
)
from local_dss.job_description import JobDescription
from local_dss.managed_run import FAILED, ManagedRun
from local_dss.refusals import illegal, not_found, refused, there

JOB_TYPES = {"RECURSIVE_BUILD", "NON_RECURSIVE_FORCED_BUILD", "RECURSIVE_FORCED_BUILD"}
MACRO = "pyrunnable_"


@dataclass
class RunRoutes:
    instance: Instance

    def add_to(self, app: web.Application, root: str) -> None:
        project = f"{root}/projects/{{project}}"
        jobs, macro = f"{project}/jobs/", f"{project}/runnables/{{type}}"
        app.router.add_post(jobs, self._build)
        app.router.add_get(f"{jobs}{{id}}/", self._job)
        app.router.add_get(f"{jobs}{{id}}/log", self._log)
        app.router.add_post(f"{jobs}{{id}}/abort", self._abort)
        app.router.add_post(macro, self._run_macro)
        app.router.add_get(f"{macro}/state/{{id}}", self._macro_state)
        app.router.add_get(f"{macro}/result/{{id}}", self._macro_result)
        app.router.add_post(f"{macro}/abort/{{id}}", self._abort)

    async def _build(self, request: web.Request) -> web.Response:
        project = self.instance.project(request, writes=True)
        body = await body_with(request, "type", "outputs")
        if body["type"] not in JOB_TYPES or len(body["outputs"]) != 1:
            raise illegal("A job builds one output, in a way that there is")
        (output,) = body["outputs"]
        run = start_build(self.instance, project, output)
        return web.json_response({"id": run.id})

    async def _job(self, request: web.Request) -> web.Response:
        run = self._run(request)
        activities: dict[str, dict[str, Any]] = {
            "recipe_NP": {"state": run.state, "activityId": "recipe_NP"}
        }
        if run.state == FAILED:
            activities["recipe_NP"]["firstFailure"] = {"message": run.wait().banner}
        return web.json_response(
            {"baseStatus": {"state": run.state, "activities": activities}, "globalState": {}}
        )

    async def _log(self, request: web.Request) -> web.Response:
        run = self._run(request)
        log = run.log if self.instance.log_after_abort else run.log_until_abort
        told = self.instance.whole_log or request.query.get("activity")
        return web.Response(
            text=log if told else "[INFO] [dku.flow] - The job runs its activities\n"
        )

    async def _abort(self, request: web.Request) -> web.Response:
        self._run(request).abort(self.instance.abort_signal, self.instance.abort_seconds)
        return web.json_response({"msg": "Aborting"})

    async def _run_macro(self, request: web.Request) -> web.Response:
        project = self.instance.project(request, writes=True)
        body = await body_with(request, "params", "adminParams")
        run = start_macro(self.instance, project, request.match_info["type"], body["params"])
        if request.query.get("wait") == "True":
            await asyncio.to_thread(run.wait)
        return web.json_response({"runId": run.id})

    async def _macro_state(self, request: web.Request) -> web.Response:
        run = self._run(request)
        return web.json_response({"exists": True, "running": run.running, "type": "python"})

    async def _macro_result(self, request: web.Request) -> web.Response:
        """Once: the run is forgotten then."""
        run = self._run(request)
        if run.running:
            raise refused(500, "java.lang.IllegalStateException", "The macro is still running")
        del self.instance.project(request).runs[run.id]
        ended = run.wait()
        if not ended.succeeded and self.instance.macro_failure == "text":
            return web.Response(text=ended.banner)
        if not ended.succeeded:
            raise refused(500, "com.dataiku.dip.exceptions.CodedIOException", ended.banner)
        if "html" in ended.result:
            return web.Response(text=ended.result["html"], content_type="text/html")
        shown = {key: ended.result[key] for key in ("name", "columns", "records")}
        if self.instance.cells_escaped:
            shown["records"] = [[html.escape(str(it)) for it in row] for row in shown["records"]]
        return web.json_response(shown)

    def _run(self, request: web.Request) -> ManagedRun:
        project = self.instance.project(request)
        run: ManagedRun = there(project.runs, request.match_info["id"], "run")
        return run


def start_build(
    instance: Instance, project: ManagedProject, output: Mapping[str, Any]
) -> ManagedRun:
    """The recipe whose output it is."""
    kind, ref, partition = (output.get(it) for it in ("type", "id", "partition"))
    known = {"DATASET": project.datasets, "MANAGED_FOLDER": project.folders}
    if kind not in known or ref not in known[kind]:
        raise illegal(f"Nothing to build: {kind} {ref}")
    makers = [it for it in project.recipes.values() if ref in refs(it["recipe"]["outputs"])]
    if len(makers) != 1:
        raise illegal(f"No recipe builds {ref}")
    partitioned = [
        name for name, it in project.datasets.items() if it["partitioning"]["dimensions"]
    ]
    if ref in partitioned and not partition:
        raise refused(500, "java.lang.IllegalArgumentException", f"Which partition of {ref}?")
    described = _described(instance, project, makers[0]["recipe"])
    described |= {"partition": partition or "", "partitioned": partitioned}
    return start_recipe(instance, project, makers[0], described)


def _described(
    instance: Instance, project: ManagedProject, recipe: Mapping[str, Any]
) -> dict[str, Any]:
    sides = {
        side: {role: [it["ref"] for it in items["items"]] for role, items in recipe[side].items()}
        for side in ("inputs", "outputs")
    }
    return {**sides, "config": recipe.get("params", {}).get(instance.config_place, {})}


def start_recipe(
    instance: Instance,
    project: ManagedProject,
    stored: Mapping[str, Any],
    described: dict[str, Any],
) -> ManagedRun:
    kind = stored["recipe"]["type"]
    if kind == CODE_RECIPE:
        return start_code(instance, project, stored["payload"], **described)
    component = kind.removeprefix(PLUGIN_RECIPE)
    (owner,) = [
        name
        for name, it in instance.plugins.items()
        if (it.files.folder / "custom-recipes" / component).is_dir()
    ]
    plugin = instance.runnable_plugin(owner)
    config = plugin.settings["config"]
    description = instance.describe(project, plugin_config=config, **described)
    return _remember(instance, project, plugin.files, plugin.files.recipe, description)


def start_code(
    instance: Instance, project: ManagedProject, code: str, **described: Any
) -> ManagedRun:
    """Code that a user wrote, which DSS runs as it runs a recipe."""
    folder = instance.folder / "code" / uuid.uuid4().hex
    folder.mkdir(parents=True)
    (folder / "recipe.py").write_text(code)
    plugins = [it.files for it in instance.plugins.values()]
    description: JobDescription = instance.describe(project, **described)
    return _remember(instance, project, plugins[0], folder / "recipe.py", description)


def start_macro(
    instance: Instance, project: ManagedProject, kind: str, config: Mapping[str, Any]
) -> ManagedRun:
    owner, _, component = kind.removeprefix(MACRO).partition("_")
    plugin = instance.runnable_plugin(owner)
    path = plugin.files.macro(component)
    if not kind.startswith(MACRO) or not path.exists():
        raise not_found(f"macro {kind}")
    description = instance.describe(
        project, config=dict(config), plugin_config=plugin.settings["config"]
    )
    return _remember(instance, project, plugin.files, path, description)


def _remember(
    instance: Instance,
    project: ManagedProject,
    plugin: Plugin,
    component: Path,
    description: JobDescription,
) -> ManagedRun:
    run = ManagedRun(
        f"run_{new_id()}",
        lambda: job.start(plugin, component, description, start_process=instance.start_process),
    )
    project.runs[run.id] = run
    return run
