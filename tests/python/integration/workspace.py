"""The throw-away project and what the steps need of it: datasets, folders, recipes, jobs, macros."""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from dataikuapi import DSSClient
from dataikuapi.dss.job import DSSJob
from dataikuapi.dss.macro import DSSMacro
from dataikuapi.dss.project import DSSProject
from dataikuapi.dss.recipe import DSSRecipe
from dataikuapi.dss.scenario import DSSScenario, DSSScenarioRun

from integration.findings import KitError
from integration.interruption import Interruption
from integration.jobs import ENDED, Ran, log_of, marks, state
from integration.plugin_settings import PLUGIN_ID
from integration.removal import Made, Removal
from integration.target import Target

INSIDE = Path(__file__).parent / "inside"
RECIPE_TYPE = f"CustomCode_{PLUGIN_ID}"


@dataclass
class Workspace:
    """`folders`: their ids by name. `recipes`: by the names that were asked for, which DSS may change.

    `jobs` and `scenarios`: all that were started; `macros`: those that run, by the ids of their runs.
    """

    client: DSSClient
    target: Target
    project: DSSProject
    version: str
    code_env: str
    interruption: Interruption
    removal: Removal
    folders: dict[str, str] = field(default_factory=dict)
    recipes: dict[str, DSSRecipe] = field(default_factory=dict)
    jobs: list[DSSJob] = field(default_factory=list)
    scenarios: list[DSSScenario] = field(default_factory=list)
    macros: dict[str, DSSMacro] = field(default_factory=dict)

    def dataset(self, name: str, *, partitioned: bool = False) -> str:
        self.project.new_managed_dataset(name).with_store_into(self.target.connection).create()
        if partitioned:
            settings = self.project.get_dataset(name).get_settings()
            settings.add_discrete_partitioning_dimension("part")
            settings.set_partitioning_file_pattern("%{part}/.*")
            settings.save()
        return name

    def folder(self, name: str) -> str:
        made = self.project.create_managed_folder(
            name, connection_name=self.target.folder_connection
        )
        self.folders[name] = made.id
        return str(made.id)

    def files(self, folder: str) -> list[str]:
        listed = self.project.get_managed_folder(self.folders[folder]).list_contents()
        return sorted(it["path"].lstrip("/") for it in listed["items"])

    def rows(self, name: str) -> list[dict[str, object]]:
        dataset = self.project.get_dataset(name)
        names = [it["name"] for it in dataset.get_schema()["columns"]]
        return [dict(zip(names, row, strict=True)) for row in dataset.iter_rows()]

    def code_recipe(
        self,
        name: str,
        scripts: Sequence[str],
        outputs: Sequence[str],
        inputs: Sequence[str] = (),
        **told: object,
    ) -> str:
        """Scripts of inside/, one after the other, each told `told`."""
        creator = self.project.new_recipe("python", name).with_script(code(scripts, told))
        for it in inputs:
            creator.with_input(it)
        for it in outputs:
            creator.with_output(it)
        self.recipes[name] = creator.create()
        return outputs[0]

    def change_code(self, name: str, scripts: Sequence[str], **told: object) -> None:
        settings = self.recipes[name].get_settings()
        settings.set_payload(code(scripts, told))
        settings.save()

    def plugin_recipe(
        self,
        name: str,
        config: Mapping[str, object],
        inputs: Mapping[str, str],
        outputs: Mapping[str, str],
    ) -> None:
        """Roles by name. Its settings are written once more where a new recipe comes without them."""
        prototype = {
            "type": RECIPE_TYPE,
            "name": name,
            "inputs": {role: {"items": [{"ref": it}]} for role, it in inputs.items()},
            "outputs": {
                role: {"items": [{"ref": it, "appendMode": False}]} for role, it in outputs.items()
            },
            "params": {"customConfig": dict(config)},
        }
        self.recipes[name] = self.project.create_recipe(prototype, {"rawCreation": True})
        if place_of(config, self.params(name)) is None:
            self.configure(name, config, config)

    def params(self, recipe: str) -> dict[str, Any]:
        definition = self.recipes[recipe].get_settings().get_recipe_raw_definition()
        return dict(definition.get("params") or {})

    def configure(
        self, recipe: str, before: Mapping[str, object], config: Mapping[str, object]
    ) -> None:
        """Settings of the plugin's, in the place of those before."""
        settings = self.recipes[recipe].get_settings()
        definition = settings.get_recipe_raw_definition()
        params = definition.get("params") or {}
        place = place_of(before, params)
        if place == "":
            definition["params"] = {**params, **config}
        else:
            name = place or "customConfig"
            definition["params"] = {**params, name: {**(params.get(name) or {}), **config}}
        settings.save()

    def start(self, ref: str, *, partition: str | None = None) -> Any:
        kind = "MANAGED_FOLDER" if ref in self.folders.values() else "DATASET"
        builder = self.project.new_job("NON_RECURSIVE_FORCED_BUILD")
        key = self.project.project_key
        builder.with_output(ref, kind, object_project_key=key, partition=partition)
        with self.interruption.held():
            self.jobs.append(builder.start())
        return self.jobs[-1]

    def build(self, ref: str, *, partition: str | None = None) -> Ran:
        return self.ended(self.start(ref, partition=partition))

    def run_code(
        self,
        name: str,
        scripts: Sequence[str],
        outputs: Sequence[str],
        inputs: Sequence[str] = (),
        **told: object,
    ) -> Ran:
        """A recipe and a job of its own."""
        return self.build(self.code_recipe(name, scripts, outputs, inputs, **told))

    def ended(self, job: Any) -> Ran:
        """Waits for it, however it ends."""
        self.wait(lambda: state(job) in ENDED, "a job to end", pause=0.3)
        log = self.target.clean(log_of(job))
        return Ran(state(job), log, marks(log))

    def wait(
        self, ready: Any, what: str, *, pause: float = 1.0, seconds: float | None = None
    ) -> None:
        """Twenty minutes are more than any of the kit's jobs takes; they queue where an instance is busy."""
        until = time.monotonic() + (seconds or 10 * self.target.wait_seconds)
        while not ready():
            if time.monotonic() > until:
                raise KitError(f"Waited too long for {what}.")
            time.sleep(pause)

    def macro(self, name: str, params: Mapping[str, object], *, as_type: str = "json") -> Any:
        """Its result. Raises DataikuException where it failed."""
        macro, run, _ = self.macro_run(name, params)
        found = macro.get_result(run, as_type=as_type)
        return found.decode() if isinstance(found, bytes) else found

    def macro_run(
        self, name: str, params: Mapping[str, object]
    ) -> tuple[DSSMacro, str, Mapping[str, Any]]:
        """A run that has ended, however: the macro, the run's id, its last status."""
        macro = self.project.get_macro(f"pyrunnable_{PLUGIN_ID}_{name}")
        with self.interruption.held():
            run = macro.run(params=dict(params), wait=False)
            self.macros[run] = macro
        return macro, run, self.macro_ended(run)

    def macro_ended(self, run: str) -> Mapping[str, Any]:
        macro, status = self.macros[run], dict[str, Any]()

        def is_over() -> bool:
            status.update(macro.get_status(run))
            return not status.get("running")

        self.wait(is_over, "a macro to end", pause=0.3)
        del self.macros[run]
        return status

    def scenario(self, name: str, steps: Sequence[Mapping[str, Any]]) -> DSSScenarioRun:
        """A run of it that has ended, in whatever way."""
        made = self.project.create_scenario(name, "step_based", {"params": {"steps": [*steps]}})
        runs: list[DSSScenarioRun] = []

        def is_there() -> bool:
            runs.extend(filter(None, [fired.get_scenario_run()]))
            return bool(runs)

        with self.interruption.held():
            self.scenarios.append(made)
            fired = made.run()
            # DSS makes it seconds after it was asked to, when nothing could abort it yet.
            self.wait(is_there, "a scenario to start", pause=0.3, seconds=self.target.wait_seconds)
        (run,) = runs
        self.wait(lambda: run.refresh() or not run.running, "a scenario to end", pause=0.3)
        return run

    def jobs_to_abort(self) -> Iterator[Made]:
        for it in self.jobs:
            yield Made(f"the job {it.id}", partial(self._abort_job, it))

    def _abort_job(self, job: DSSJob) -> None:
        if state(job) not in ENDED:
            job.abort()
            self.wait(lambda: state(job) in ENDED, "a job to end", pause=0.3)

    def macros_to_abort(self) -> Iterator[Made]:
        for run, macro in [*self.macros.items()]:
            yield Made(f"the run {run} of a macro", partial(self._abort_macro, run, macro))

    def _abort_macro(self, run: str, macro: DSSMacro) -> None:
        if macro.get_status(run).get("running"):
            macro.abort(run)
        self.macro_ended(run)

    def scenarios_to_abort(self) -> Iterator[Made]:
        """Each with the job or the macro of its step."""
        for it in self.scenarios:
            yield Made(f"the scenario {it.id}", partial(self._abort_scenario, it))

    def _abort_scenario(self, scenario: DSSScenario) -> None:
        if not _is_idle(scenario):
            scenario.abort()
            self.wait(partial(_is_idle, scenario), "a scenario to end", pause=0.3)


def place_of(config: Mapping[str, object], params: Mapping[str, Any]) -> str | None:
    """The key of a recipe's `params` that holds these settings; "" for `params` itself, None where none does.

    DSS may have added others.
    """
    if config.items() <= params.items():
        return ""
    holders = [name for name, it in params.items() if isinstance(it, dict)]
    return next((it for it in holders if config.items() <= params[it].items()), None)


def code(scripts: Sequence[str], told: Mapping[str, object]) -> str:
    """Scripts of inside/ as one, which imports nothing of the kit: inside DSS there is none."""
    texts = [(INSIDE / f"{it}.py").read_text() for it in ("saying", *scripts)]
    parts = [re.sub(r"^from integration\..*\n", "", it, flags=re.MULTILINE) for it in texts]
    calls = [f"{it}(KIT)" for it in scripts]
    return "\n\n".join([*parts, f"KIT = {dict(told)!r}", *calls, ""])


def _is_idle(scenario: DSSScenario) -> bool:
    return scenario.get_current_run() is None
