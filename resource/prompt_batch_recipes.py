"""The choices of a macro's field Recipe: the prompt batch recipes of the project."""

from collections.abc import Mapping, Sequence

import dataiku

RECIPE_TYPE = "CustomCode_mesh-prompt-batch"


def do(
    payload: Mapping[str, object],  # noqa: ARG001  # DSS fixes the signature
    config: Mapping[str, object],  # noqa: ARG001
    plugin_config: Mapping[str, object],  # noqa: ARG001
    inputs: Sequence[object],  # noqa: ARG001
) -> dict[str, list[dict[str, str]]]:
    """An error would make the whole form unusable, so it is a choice too."""
    try:
        project = dataiku.api_client().get_project(dataiku.default_project_key())
        names = sorted(it["name"] for it in project.list_recipes() if it["type"] == RECIPE_TYPE)
    except Exception as error:  # noqa: BLE001  # whatever it is
        return _only(f"The recipes cannot be listed ({type(error).__name__}): type a name below")
    if not names:
        return _only("This project has no prompt batch recipe")
    return {"choices": [{"value": name, "label": name} for name in names]}


def _only(label: str) -> dict[str, list[dict[str, str]]]:
    return {"choices": [{"value": "", "label": label}]}
