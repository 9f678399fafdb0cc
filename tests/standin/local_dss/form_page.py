"""The plugin's forms as one HTML page without a network: what Dataiku would show, with its conditions at work."""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
PARTS = ROOT / "tests/standin/form_page"
EXAMPLE = ROOT / "examples/reviews.csv"


def sample() -> dict[str, object]:
    """What a project would offer to choose from."""
    header = EXAMPLE.read_text(encoding="utf-8").splitlines()[0]
    return {
        "llms": [
            {"value": "openai:main:small", "label": "A small model"},
            {"value": "openai:main:large", "label": "A large model"},
        ],
        "columns": header.split(","),
        "datasets": ["reviews", "labelled"],
        "folders": ["photos", "runs"],
        "choices": [{"value": "chosen", "label": "What the project has"}],
    }


def forms() -> dict[str, dict[str, Any]]:
    """Every descriptor with a form, by the name that the page shows; what users meet first comes first."""
    recipes, macros = (
        {f"{kind} {it.parent.name}": it for it in sorted(ROOT.glob(pattern))}
        for kind, pattern in (
            ("recipe", "custom-recipes/*/recipe.json"),
            ("macro", "python-runnables/*/runnable.json"),
        )
    )
    found = {**recipes, **macros, "plugin": ROOT / "plugin.json"}
    return {name: json.loads(path.read_text(encoding="utf-8")) for name, path in found.items()}


def page() -> str:
    """The whole document, from the files as they are now."""
    text = (PARTS / "form.html").read_text(encoding="utf-8")
    for part in ("form.css", "inputs.js", "form.js", "hands.js"):
        text = text.replace(f"/*{part}*/", (PARTS / part).read_text(encoding="utf-8"))
    # "</" would end the script.
    data = json.dumps({"forms": forms(), "sample": sample()}).replace("</", "<\\/")
    return text.replace("/*data*/", data)
