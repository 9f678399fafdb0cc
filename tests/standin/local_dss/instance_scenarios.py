"""The public API of an instance: scenarios, run step by step in a thread of their own."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from local_dss.instance import Instance, ManagedProject, body_with, new_id
from local_dss.instance_runs import start_build, start_code, start_macro
from local_dss.managed_run import ManagedRun
from local_dss.refusals import illegal, there
from local_dss.scenario import (
    ABORTED,
    FAILED,
    SUCCESS,
    Done,
    Scenario,
    ScenarioError,
    ScenarioRun,
)


@dataclass
class ScenarioRoutes:
    """`fired`: runs by the id of the trigger's run."""

    instance: Instance
    fired: dict[str, "RunningScenario"] = field(default_factory=dict)

    def add_to(self, app: web.Application, root: str) -> None:
        scenarios = f"{root}/projects/{{project}}/scenarios/"
        app.router.add_post(scenarios, self._create)
        app.router.add_post(f"{scenarios}{{id}}/run", self._run)
        app.router.add_get(f"{scenarios}{{id}}/get-run-for-trigger", self._of_trigger)
        app.router.add_get(f"{scenarios}{{id}}/get-last-runs", self._last_runs)
        app.router.add_post(f"{scenarios}{{id}}/abort", self._abort)
        app.router.add_get(f"{scenarios}{{id}}/{{run}}/", self._details)
        app.router.add_get(f"{scenarios}{{id}}/{{run}}/log", self._log)

    async def _create(self, request: web.Request) -> web.Response:
        project = self.instance.project(request, writes=True)
        body = await body_with(request, "type", "name", "params")
        if body["type"] != "step_based" or not isinstance(body["params"].get("steps"), list):
            raise illegal("A scenario of steps is wanted")
        created = {**body, "id": new_id()}
        project.scenarios[created["id"]] = created
        return web.json_response({"id": created["id"]})

    async def _run(self, request: web.Request) -> web.Response:
        project = self.instance.project(request, writes=True)
        stored = there(project.scenarios, request.match_info["id"], "scenario")
        fire, run = new_id(), RunningScenario(self.instance, project, stored)
        self.fired[fire] = run
        if self._starts:
            run.start()
        return web.json_response(
            {"trigger": {"id": "manual", "type": "manual"}, "runId": fire, "cancelled": False}
        )

    async def _of_trigger(self, request: web.Request) -> web.Response:
        self.instance.project(request)
        run = there(self.fired, request.query.get("triggerRunId", ""), "trigger run")
        return web.json_response({"scenarioRun": run.shown} if self._starts else {})

    async def _last_runs(self, request: web.Request) -> web.Response:
        runs = self._of_scenario(request)[: int(request.query["limit"])]
        return web.json_response([it.shown for it in runs])

    async def _abort(self, request: web.Request) -> web.Response:
        for run in self._of_scenario(request):
            run.abort()
        return web.json_response({})

    @property
    def _starts(self) -> bool:
        return self.instance.scenarios_start

    def _of_scenario(self, request: web.Request) -> "list[RunningScenario]":
        """Newest first."""
        project = self.instance.project(request)
        stored = there(project.scenarios, request.match_info["id"], "scenario")
        runs = [it for it in self.fired.values() if it.shown["scenario"]["id"] == stored["id"]]
        return runs[::-1] if self._starts else []

    async def _details(self, request: web.Request) -> web.Response:
        run = self._found(request)
        return web.json_response({"scenarioRun": run.shown, "stepRuns": run.steps})

    async def _log(self, request: web.Request) -> web.Response:
        return web.Response(text="\n".join(it.log for it in self._found(request).runs))

    def _found(self, request: web.Request) -> "RunningScenario":
        self.instance.project(request)
        known = {it.id: it for it in self.fired.values()}
        found: RunningScenario = there(known, request.match_info["run"], "scenario run")
        return found


class RunningScenario:
    """`shown` and `steps` as the API tells them; `runs`: the processes of its steps."""

    def __init__(
        self, instance: Instance, project: ManagedProject, stored: Mapping[str, Any]
    ) -> None:
        self.id = new_id()
        self.runs: list[ManagedRun] = []
        self.steps: list[dict[str, Any]] = []
        self.shown: dict[str, Any] = {
            "runId": self.id,
            "scenario": {"projectKey": project.files.key, "id": stored["id"]},
        }
        self._instance, self._project = instance, project
        self._told: list[dict[str, Any]] = []
        self._aborted = False
        do = {"runnable": self._macro, "build_flowitem": self._build, "custom_python": self._code}
        self._scenario = Scenario(stored["params"]["steps"], do, lambda _seconds: None)

    def start(self) -> None:
        threading.Thread(target=self._run, name=f"scenario-{self.id}").start()

    def abort(self) -> None:
        """With the process of its step; nothing where it has ended."""
        self._aborted = True
        for run in self.runs:
            self._end(run)

    def _end(self, run: ManagedRun) -> None:
        if run.running:
            run.abort(self._instance.abort_signal, self._instance.abort_seconds)

    def _run(self) -> None:
        try:
            ended = self._scenario.run()
        except (ScenarioError, web.HTTPException) as error:
            ended = ScenarioRun(FAILED, [])
            self.shown["thrown"] = str(error)
        self.steps = [
            {
                "runId": f"{self.id}-{it.name}",
                "step": {"name": it.name},
                "result": {"outcome": it.outcome, "thrown": {"message": it.message}},
                "additionalReportItems": [],
            }
            for it in ended.steps
            if it.outcome
        ]
        self.shown = {**self.shown, "result": {"outcome": ended.outcome}}

    def _macro(self, params: Mapping[str, Any]) -> Done:
        kind = params["runnableType"]
        done = self._ended(start_macro(self._instance, self._project, kind, params["config"]))
        result = self.runs[-1].wait().result
        told = {"records": len(result["records"])} if self._instance.macro_result_told else {}
        self._told.append({"stepName": kind, "result": told})
        return done

    def _build(self, params: Mapping[str, Any]) -> Done:
        for item in params["builds"]:
            output = {"type": item["type"], "id": item["itemId"]}
            done = self._ended(start_build(self._instance, self._project, output))
            if done.outcome != SUCCESS:
                return done
        return Done()

    def _code(self, params: Mapping[str, Any]) -> Done:
        if "script" not in params:
            raise illegal("The step has no script")
        code = params["script"]
        return self._ended(
            start_code(self._instance, self._project, code, previous_steps=self._told)
        )

    def _ended(self, run: ManagedRun) -> Done:
        self.runs.append(run)
        if self._aborted:
            self._end(run)
        result = run.wait()
        if self._aborted:
            return Done(ABORTED)
        return Done() if result.succeeded else Done(FAILED, result.banner)
