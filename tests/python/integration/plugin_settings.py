"""Keys of the plugin's settings that the kit sets, and takes back one by one: others may change the rest meanwhile."""

from collections.abc import MutableMapping
from typing import Any

from dataikuapi import DSSClient

from integration.removal import Removal

PLUGIN_ID = "mesh-prompt-batch"
_ABSENT = object()


def set_key(
    client: DSSClient, removal: Removal, name: str, value: object, group: str | None = None
) -> None:
    """In a group of the settings, such as `config`, or beside the groups."""
    settings = client.get_plugin(PLUGIN_ID).get_settings()
    keys = _keys(settings.get_raw(), group)
    before = keys.get(name, _ABSENT)
    removal.later(
        f"the plugin's setting {name}",
        lambda: _put_back(client, name, group, before, value),
    )
    keys[name] = value
    settings.save()


def _put_back(
    client: DSSClient, name: str, group: str | None, before: object, ours: object
) -> None:
    """Where it is still as the kit set it."""
    settings = client.get_plugin(PLUGIN_ID).get_settings()
    keys = _keys(settings.get_raw(), group)
    if keys.get(name, _ABSENT) != ours:
        return
    if before is _ABSENT:
        del keys[name]
    else:
        keys[name] = before
    settings.save()


def _keys(raw: Any, group: str | None) -> MutableMapping[str, Any]:
    if group is not None and raw.get(group) is None:
        raw[group] = {}
    keys: MutableMapping[str, Any] = raw if group is None else raw[group]
    return keys
