"""Roles and settings of the recipe that this process runs."""

from collections.abc import Iterable

from dataiku._job import job
from local_dss.forms import delivered


def get_input_names_for_role(role: str, full: bool = True) -> list[str]:
    return _named(job().inputs.get(role, ()), full)


def get_output_names_for_role(role: str, full: bool = True) -> list[str]:
    return _named(job().outputs.get(role, ()), full)


def get_input_names(full: bool = True) -> list[str]:
    return _named((name for role in job().inputs.values() for name in role), full)


def get_output_names(full: bool = True) -> list[str]:
    return _named((name for role in job().outputs.values() for name in role), full)


def get_recipe_config() -> dict[str, object]:
    return delivered(job().config, job().behaviour)


def get_plugin_config() -> dict[str, object]:
    return delivered(job().plugin_config, job().behaviour)


def get_recipe_resource() -> str:
    raise NotImplementedError("This plugin has no resource folder.")


def _named(names: Iterable[str], full: bool) -> list[str]:
    return [f"{job().project_key}.{name}" if full else name for name in names]
