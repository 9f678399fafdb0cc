"""Puts the plugin's zip on the instance, builds its code env, makes the project; each registered for removal first."""

import json
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from dataikuapi import DSSClient
from dataikuapi.dss.future import DSSFuture

from integration.findings import KitError
from integration.interruption import Interruption
from integration.plugin_settings import PLUGIN_ID, set_key
from integration.removal import Made, Removal
from integration.target import Target
from integration.workspace import Workspace

# As DSS names the code envs that it builds for a plugin; an admin's own may contain the plugin's id as well.
MANAGED_ENV = re.compile(rf"plugin_{re.escape(PLUGIN_ID)}_managed(_?\d+)?")


@dataclass
class Installation:
    """`envs`: those that were there before, by name. `builds`: whether the kit asked for one; `built`: its name."""

    client: DSSClient
    target: Target
    archive: Path
    removal: Removal
    interruption: Interruption
    envs: set[str] = field(default_factory=set)
    builds: bool = False
    built: str = ""

    def made(self) -> Workspace:
        """Raises KitError where the instance has the plugin already and nobody allowed to replace it."""
        version = str(self.client.get_instance_info().raw.get("dssVersion", "unknown"))
        self.envs = self._managed_envs()
        self.removal.each_later("the code env", self._new_envs)
        before = self._installed_version()
        if before is None:
            self._install()
        else:
            self._replace(before)
        work = self._workspace(version, self._code_env())
        self._make_project(work)
        return work

    def _install(self) -> None:
        self.removal.later(
            "the plugin", self._remove_plugin, lambda: self._installed_version() is None
        )
        self.removal.say(f"installing {self.archive.name}")
        with self.archive.open("rb") as file, self.interruption.held():
            self.client.install_plugin_from_archive(file)

    def _replace(self, before: str) -> None:
        if not self.target.update_plugin:
            raise KitError(
                f"The plugin {PLUGIN_ID} {before} is installed already: set UPDATE_PLUGIN=1 to have it replaced by"
                f" {self.archive.name}, which is not taken back afterwards, or use another instance."
            )
        self.removal.say(f"replacing {before} by {self.archive.name}")
        with self.archive.open("rb") as file:
            self.client.get_plugin(PLUGIN_ID).update_from_zip(file)

    def _code_env(self) -> str:
        """Its name: of the one that is there, which is updated, or of one that is built."""
        plugin = self.client.get_plugin(PLUGIN_ID)
        named = plugin.get_settings().get_raw().get("codeEnvName")
        if named:
            self.removal.say("updating the code env")
            _result(plugin.update_code_env(), "updated", self.target)
            return str(named)
        self.removal.say("building the code env: some minutes")
        with self.interruption.held():
            self.builds = True
            build = plugin.create_code_env(python_interpreter=self.target.interpreter)
            self.removal.later("a build of the code env that still runs", lambda: _abort(build))
        self.built = str(_result(build, "built", self.target)["envName"])
        set_key(self.client, self.removal, "codeEnvName", self.built)
        return self.built

    def _workspace(self, version: str, code_env: str) -> Workspace:
        key = f"KIT_{time.strftime('%Y%m%d')}_{secrets.token_hex(3).upper()}"
        project = self.client.get_project(key)
        return Workspace(
            self.client, self.target, project, version, code_env, self.interruption, self.removal
        )

    def _make_project(self, work: Workspace) -> None:
        """What runs in it is aborted before it goes: scenarios first, which start jobs and macros."""
        client, key, removal = self.client, work.project.project_key, self.removal
        owner = client.get_auth_info()["authIdentifier"]
        removal.later(
            f"the project {key}",
            lambda: _remove_project(client, key),
            lambda: key not in client.list_project_keys(),
        )
        removal.say(f"making the project {key}")
        with work.interruption.held():
            client.create_project(key, "Integration kit of mesh-prompt-batch", owner)
        removal.each_later("jobs that still run", work.jobs_to_abort)
        removal.each_later("macros that still run", work.macros_to_abort)
        removal.each_later("scenarios that still run", work.scenarios_to_abort)

    def _installed_version(self) -> str | None:
        versions = {it["id"]: it.get("version", "") for it in self.client.list_plugins()}
        return versions.get(PLUGIN_ID)

    def _remove_plugin(self) -> object:
        """Forced: usages in a project that is being deleted may still be counted."""
        if self._installed_version() is None:
            return "that it is not there"
        return self.client.get_plugin(PLUGIN_ID).delete(force=True).state

    def _managed_envs(self) -> set[str]:
        """A failed build leaves one too, whose name nobody told."""
        names = {it["envName"] for it in self.client.list_code_envs() if it["envLang"] == "PYTHON"}
        return {it for it in names if it == self.built or MANAGED_ENV.fullmatch(it)}

    def _new_envs(self) -> Iterator[Made]:
        for name in sorted(self._managed_envs() - self.envs) if self.builds else ():
            yield Made(
                f"the code env {name}",
                self.client.get_code_env("PYTHON", name).delete,
                partial(self._is_gone, name),
            )

    def _is_gone(self, env: str) -> bool:
        return env not in self._managed_envs()


def _result(future: DSSFuture, done: str, target: Target) -> dict[str, Any]:
    """Of an env that is built or updated. Raises KitError where that failed, or does not end."""
    until = time.monotonic() + target.build_seconds
    while not future.state.get("hasResult"):
        if not future.job_id or future.state.get("alive") is False:
            raise KitError(f"The code env was not {done}: DSS said {str(future.state)[:600]}")
        if time.monotonic() > until:
            raise KitError(f"The code env was not {done} in {target.build_seconds / 60:g} minutes.")
        time.sleep(1.0)
        future.get_state()
    result: dict[str, Any] = future.state.get("result") or {}
    messages = result.get("messages") or {}
    if messages.get("error"):
        raise KitError(
            f"The code env could not be {done}: {json.dumps(messages)[:600]} Another Python: DSS_INTERPRETER,"
            " such as PYTHON311."
        )
    return result


def _abort(build: DSSFuture) -> None:
    """What is being built can hardly be removed."""
    if not build.state.get("hasResult"):
        build.abort()


def _remove_project(client: DSSClient, key: str) -> object:
    if key not in client.list_project_keys():
        return "that it is not there"
    deletion = client.get_project(key).delete(
        clear_managed_datasets=True, clear_output_managed_folders=True
    )
    return deletion.state
