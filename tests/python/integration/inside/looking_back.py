"""Inside a scenario's Python step: what it sees of the macro before it, left in a variable of the project."""

import dataiku
from dataiku.scenario import Scenario
from integration.inside.saying import Told


def looking_back(kit: Told) -> None:
    outputs = Scenario().get_previous_steps_outputs()
    found = {
        "steps": [{str(it.get("stepName")): keys(it.get("result"))} for it in outputs],
        "variables": sorted(it for it in dataiku.get_custom_variables() if it.startswith("step")),
    }
    project = dataiku.api_client().get_project(dataiku.default_project_key())
    kept = project.get_variables()
    kept["standard"][kit["variable"]] = found
    project.set_variables(kept)


def keys(result: object) -> object:
    """Or the type of what has none."""
    if isinstance(result, dict):
        return sorted(result)
    return type(result).__name__ if result else []
