"""Puts the plugin's zip on the instance, builds its code env, makes the project; each registered for removal first."""

import json
import secrets
import time
from pathlib import Path

from dataikuapi import DSSClient
from dataikuapi.dss.future import DSSFuture

from integration.findings import KitError
from integration.interruption import Interruption
from integration.removal import Removal
from integration.target import Target
from integration.workspace import PLUGIN_ID, Workspace


def installed(
    client: DSSClient,
    target: Target,
    archive: Path,
    removal: Removal,
    interruption: Interruption,
) -> Workspace:
    """Raises KitError where the instance has the plugin already and nobody allowed to replace it."""
    version = str(client.get_instance_info().raw.get("dssVersion", "unknown"))
    envs = _env_names(client)
    removal.later("the code env", lambda: _remove_envs(client, envs))
    before = _installed_version(client)
    if before is None:
        removal.later("the plugin", lambda: _remove_plugin(client))
        removal.say(f"installing {archive.name}")
        with archive.open("rb") as file, interruption.held():
            client.install_plugin_from_archive(file)
    else:
        _replace(client, target, archive, before, removal)
    code_env = _code_env(client, target, removal, interruption)
    work = _workspace(client, target, version, code_env, interruption)
    _make_project(work, removal)
    return work


def _replace(
    client: DSSClient, target: Target, archive: Path, before: str, removal: Removal
) -> None:
    if not target.update_plugin:
        raise KitError(
            f"The plugin {PLUGIN_ID} {before} is installed already: set UPDATE_PLUGIN=1 to have it replaced by"
            f" {archive.name}, which is not taken back afterwards, or use another instance."
        )
    removal.say(f"replacing {before} by {archive.name}")
    with archive.open("rb") as file:
        client.get_plugin(PLUGIN_ID).update_from_zip(file)
    settings = json.dumps(client.get_plugin(PLUGIN_ID).get_settings().get_raw())
    removal.later("changes of the plugin's settings", lambda: _restore(client, settings))


def _code_env(
    client: DSSClient, target: Target, removal: Removal, interruption: Interruption
) -> str:
    plugin = client.get_plugin(PLUGIN_ID)
    settings = plugin.get_settings()
    if settings.get_raw().get("codeEnvName"):
        removal.say("updating the code env")
        plugin.update_code_env().wait_for_result()
        return str(settings.get_raw()["codeEnvName"])
    removal.say("building the code env: some minutes")
    with interruption.held():
        build = plugin.create_code_env(python_interpreter=target.interpreter)
        removal.later("a build of the code env that still runs", lambda: _abort(build))
    built = build.wait_for_result()
    if (built.get("messages") or {}).get("error"):
        raise KitError(
            f"The code env could not be built: {json.dumps(built['messages'])[:600]} Another Python: DSS_INTERPRETER,"
            " such as PYTHON311."
        )
    settings.set_code_env(built["envName"])
    settings.save()
    return str(built["envName"])


def _workspace(
    client: DSSClient, target: Target, version: str, code_env: str, interruption: Interruption
) -> Workspace:
    key = f"KIT_{time.strftime('%Y%m%d')}_{secrets.token_hex(3).upper()}"
    return Workspace(client, target, client.get_project(key), version, code_env, interruption)


def _make_project(work: Workspace, removal: Removal) -> None:
    """What runs in it is aborted before it goes: scenarios first, which start jobs and macros."""
    client, key = work.client, work.project.project_key
    owner = client.get_auth_info()["authIdentifier"]
    removal.later(f"the project {key}", lambda: _remove_project(client, key))
    removal.say(f"making the project {key}")
    with work.interruption.held():
        client.create_project(key, "Integration kit of mesh-prompt-batch", owner)
    removal.later("jobs that still run", work.abort_jobs)
    removal.later("macros that still run", work.abort_macros)
    removal.later("scenarios that still run", work.abort_scenarios)


def _installed_version(client: DSSClient) -> str | None:
    versions = {it["id"]: it.get("version", "") for it in client.list_plugins()}
    return versions.get(PLUGIN_ID)


def _env_names(client: DSSClient) -> set[str]:
    """A failed build leaves an env too, whose name nobody told."""
    return {
        it["envName"]
        for it in client.list_code_envs()
        if it["envLang"] == "PYTHON" and PLUGIN_ID in it["envName"]
    }


def _abort(build: DSSFuture) -> None:
    """What is being built can hardly be removed."""
    if not build.state.get("hasResult"):
        build.abort()


def _remove_envs(client: DSSClient, before: set[str]) -> None:
    for name in sorted(_env_names(client) - before):
        client.get_code_env("PYTHON", name).delete()


def _remove_plugin(client: DSSClient) -> None:
    """Forced: usages in a project that is being deleted may still be counted."""
    if _installed_version(client) is not None:
        client.get_plugin(PLUGIN_ID).delete(force=True).wait_for_result()


def _restore(client: DSSClient, settings: str) -> None:
    now = client.get_plugin(PLUGIN_ID).get_settings()
    now.get_raw().clear()
    now.get_raw().update(json.loads(settings))
    now.save()


def _remove_project(client: DSSClient, key: str) -> None:
    if key in client.list_project_keys():
        deletion = client.get_project(key).delete(
            clear_managed_datasets=True, clear_output_managed_folders=True
        )
        deletion.wait_for_result()
