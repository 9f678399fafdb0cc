"""The plugin's descriptors, as DSS reads them."""

import json
from collections.abc import Mapping
from typing import Any

from documents import ROOT

Descriptor = Mapping[str, Any]


def _descriptors() -> dict[str, Descriptor]:
    paths = [
        ROOT / "plugin.json",
        *ROOT.glob("custom-recipes/*/recipe.json"),
        *ROOT.glob("python-runnables/*/runnable.json"),
    ]
    return {str(it.relative_to(ROOT)): json.loads(it.read_text(encoding="utf-8")) for it in paths}


DESCRIPTORS = _descriptors()
PLUGIN = DESCRIPTORS["plugin.json"]
RECIPE = DESCRIPTORS["custom-recipes/mesh-prompt-batch/recipe.json"]
LISTING = DESCRIPTORS["python-runnables/list-llms/runnable.json"]
TRIAL = DESCRIPTORS["python-runnables/try-rows/runnable.json"]
FORECAST = DESCRIPTORS["python-runnables/forecast/runnable.json"]


def parameters(descriptor: Descriptor) -> list[dict[str, Any]]:
    return [it for it in descriptor["params"] if it["type"] != "SEPARATOR"]


def roles(descriptor: Descriptor) -> list[dict[str, Any]]:
    return [*descriptor.get("inputRoles", []), *descriptor.get("outputRoles", [])]
