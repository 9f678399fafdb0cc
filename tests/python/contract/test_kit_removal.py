"""What the kit for a real DSS leaves on an instance: nothing of its own, and all that others did."""

import json
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dataikuapi import DSSClient
from kit_runs import KEY, is_empty, kit_process

from integration import recipe_steps
from integration.course import Voice, run_kit
from integration.findings import ANSWERED, Answer, Check, Finding, Step
from integration.interruption import SIGNALS, GivenUp, Interruption
from integration.plugin_settings import PLUGIN_ID, set_key
from integration.removal import Made, Removal
from integration.report import Report
from integration.target import Target
from integration.workspace import Workspace
from local_dss.instance import Instance
from local_dss.llms import LLM_ID
from local_dss.mesh_server import MeshServer

OUTPUTS = {"completions": "answers"}
CONFIG: dict[str, object] = {"llm_id": LLM_ID, "user_column": "question", "max_tokens": 200}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A plugin of this id that has all but code."""
    path = tmp_path / "plugin.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("plugin.json", json.dumps({"id": PLUGIN_ID, "version": "1.0.0"}))
        made.writestr(f"custom-recipes/{PLUGIN_ID}/recipe.json", "{}")
        accepted = {"acceptedPythonInterpreters": ["PYTHON311"]}
        made.writestr("code-env/python/desc.json", json.dumps(accepted))
    return path


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    return Instance(tmp_path / "dss", Path("no-python"))


@pytest.fixture
def dss(instance: Instance) -> Iterator[MeshServer]:
    with MeshServer(instance=instance) as mesh:
        yield mesh
        instance.installs_end = True


def run(dss: MeshServer, archive: Path, *steps: Step, **more: Any) -> Report:
    target = Target(dss.front, KEY, LLM_ID, **{"wait_seconds": 0.3, **more})
    return run_kit(target, archive, Voice(print, print), steps)


def nothing(_work: Workspace) -> Iterator[Finding]:
    yield Check("It ran", passed=True)


STEP = Step("Nothing", nothing)


def test_what_is_gone_is_removed_whatever_dss_says_of_its_removal(
    instance: Instance, dss: MeshServer, archive: Path
) -> None:
    instance.deletions_told = False
    report = run(dss, archive, STEP)
    assert report.left == ()
    assert {"the plugin", "the code env"} <= {*report.removed}
    assert any(it.startswith("the project KIT_") for it in report.removed)
    assert is_empty(instance)


def test_what_is_still_there_is_left_whatever_dss_says_of_its_removal(
    instance: Instance, dss: MeshServer, archive: Path
) -> None:
    instance.deletes_plugins = False
    report = run(dss, archive, STEP)
    (left,) = report.left
    assert left.startswith("the plugin: it is still there; DSS said ")
    assert "'success': True" in left
    assert not instance.projects


def test_one_that_cannot_be_removed_stops_none_of_its_kind() -> None:
    done: list[str] = []

    def breaks() -> None:
        raise OSError("no")

    def things() -> Iterator[Made]:
        yield Made("the job a", lambda: done.append("a"))
        yield Made("the job b", breaks)
        yield Made("the job c", lambda: done.append("c"))

    removal = Removal(print)
    removal.each_later("jobs that still run", things)
    removal.now()
    assert done == ["a", "c"]
    assert removal.left == ["the job b: OSError: no"]
    assert removal.removed == []


def test_what_a_third_signal_kept_from_being_removed_is_left() -> None:
    def interrupted() -> None:
        raise GivenUp

    removal = Removal(print)
    removal.later("the plugin", lambda: None)
    removal.later("the project", interrupted)
    removal.later("jobs", lambda: None)
    with pytest.raises(GivenUp):
        removal.now()
    removal.give_up()
    assert removal.removed == ["jobs"]
    assert removal.left == ["the project: not looked after", "the plugin: not looked after"]


def test_a_call_that_is_never_answered_ends_in_a_report(
    instance: Instance, dss: MeshServer, archive: Path
) -> None:
    instance.installs_end = False
    report = run(dss, archive, STEP, call_seconds=0.5)
    assert report.stopped.startswith("DSS did not answer a call in 0.5 s; ")
    assert report.left == ()


def test_a_third_signal_ends_it_at_once_and_says_what_is_left(
    instance: Instance, dss: MeshServer, archive: Path, tmp_path: Path
) -> None:
    instance.installs_end = False
    given = {"DSS_URL": dss.front, "DSS_API_KEY": KEY, "LLM_ID": LLM_ID}
    folder = tmp_path / "report"
    with kit_process(archive, folder, **given) as process:
        assert process.stdout is not None
        assert instance.install_asked.wait(60)
        began = time.monotonic()
        # Of each number one: of several that wait the system keeps one.
        for number in SIGNALS:
            process.send_signal(number)
        said = process.stdout.read()
        assert process.wait(10) == 1
    assert time.monotonic() - began < 10
    assert "left behind: the plugin: not looked after" in said
    assert "It was interrupted three times" in (folder / "integration-report.md").read_text()


def test_signals_raise_as_their_number_says() -> None:
    interruption = Interruption()
    with pytest.raises(KeyboardInterrupt):
        interruption.note(2, None)
    interruption.note(2, None)
    with pytest.raises(GivenUp), interruption.held():
        interruption.note(2, None)
    interruption.end()
    with pytest.raises(GivenUp):
        interruption.note(2, None)
    interruption.done()
    interruption.note(2, None)


def installed(dss: MeshServer, archive: Path, config: dict[str, object]) -> DSSClient:
    client = DSSClient(dss.front, KEY)
    with archive.open("rb") as file:
        client.install_plugin_from_archive(file)
    settings = client.get_plugin(PLUGIN_ID).get_settings()
    settings.get_raw()["config"].update(config)
    settings.save()
    return client


def theirs(work: Workspace, **config: object) -> None:
    """What another admin does meanwhile."""
    settings = work.client.get_plugin(PLUGIN_ID).get_settings()
    settings.get_raw()["config"].update(config)
    settings.save()


def changes(work: Workspace) -> Iterator[Finding]:
    set_key(work.client, work.removal, "max_concurrency_ceiling", 2, group="config")
    set_key(work.client, work.removal, "max_requests_per_minute", 9, group="config")
    theirs(work, dss_url="https://new.example.com", max_requests_per_minute=60)
    yield Check("Changed", passed=True)


def test_a_plugin_that_is_there_is_replaced_on_demand_alone_and_keeps_what_others_set(
    instance: Instance, dss: MeshServer, archive: Path
) -> None:
    installed(dss, archive, {"dss_url": "https://old.example.com", "max_concurrency_ceiling": 50})

    def more(work: Workspace) -> Iterator[Finding]:
        name = f"{PLUGIN_ID}-of-another-admin"
        instance.code_envs[name] = {"envName": name, "envLang": "PYTHON"}
        yield from changes(work)

    refused = run(dss, archive, STEP)
    assert "set UPDATE_PLUGIN=1" in refused.stopped
    assert not refused.checks
    report = run(dss, archive, Step("Change", more), update_plugin=True)
    assert [it.passed for it in report.checks] == [True], report.stopped
    assert report.left == ()
    assert instance.plugins[PLUGIN_ID].settings["config"] == {
        "dss_url": "https://new.example.com",
        "max_concurrency_ceiling": 50,
        "max_requests_per_minute": 60,
    }
    assert "codeEnvName" not in instance.plugins[PLUGIN_ID].settings
    assert [*instance.code_envs] == [f"{PLUGIN_ID}-of-another-admin"]
    assert not instance.projects


def test_a_code_env_that_is_there_is_updated_and_stays(
    instance: Instance, dss: MeshServer, archive: Path
) -> None:
    client = installed(dss, archive, {})
    plugin = client.get_plugin(PLUGIN_ID)
    name = plugin.create_code_env().wait_for_result()["envName"]
    settings = plugin.get_settings()
    settings.set_code_env(name)
    settings.save()

    def builds(_work: Workspace) -> Iterator[Finding]:
        instance.code_envs[f"{name}_1"] = {"envName": f"{name}_1", "envLang": "PYTHON"}
        yield Check("Another admin builds one", passed=True)

    report = run(dss, archive, Step("Another", builds), update_plugin=True)
    assert (report.stopped, report.left) == ("", ())
    instance.env_update_fails = True
    report = run(dss, archive, STEP, update_plugin=True)
    assert "The code env could not be updated: " in report.stopped
    assert "no wheel for openai" in report.stopped
    assert [*instance.code_envs] == [name, f"{name}_1"]


def test_a_scenario_that_never_starts_is_not_waited_for_without_end(
    instance: Instance, dss: MeshServer, archive: Path
) -> None:
    instance.scenarios_start = False

    def one(work: Workspace) -> Iterator[Finding]:
        yield Check("It ended", passed=bool(work.scenario("kit_slow", [])))

    report = run(dss, archive, Step("A scenario", one))
    assert report.checks[0].detail == "Waited too long for a scenario to start."
    assert report.left == ()


@pytest.mark.parametrize("raw_params", ["kept", "added", "dropped"])
@pytest.mark.parametrize("renames", [False, True])
def test_a_recipe_s_settings_are_found_wherever_dss_puts_them(
    instance: Instance, dss: MeshServer, archive: Path, raw_params: str, renames: bool
) -> None:
    instance.raw_params, instance.renames_recipes = raw_params, renames
    instance.config_place = "somewhere" if raw_params != "dropped" else "customConfig"
    seen: list[dict[str, Any]] = []

    def ask(work: Workspace) -> Iterator[Finding]:
        inputs = {"messages": work.dataset("kit_prompts")}
        work.plugin_recipe("ask", CONFIG, inputs, {"completions": work.dataset("answers")})
        yield recipe_steps.config_place(work, CONFIG)
        work.configure("ask", CONFIG, {**CONFIG, "user_column": "gone"})
        (project,) = instance.projects.values()
        seen.extend(it["recipe"]["params"] for it in project.recipes.values())

    report = run(dss, archive, Step("Ask", ask, ("recipe_config_place",)))
    (found,) = (it for it in report.findings if isinstance(it, Answer))
    assert (found.state, found.answer) == (ANSWERED, f"in `params.{instance.config_place}`")
    (params,) = seen
    assert params[instance.config_place]["user_column"] == "gone"
    assert [*params] == [instance.config_place]
