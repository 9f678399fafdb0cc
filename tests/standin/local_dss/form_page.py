"""The plugin's forms as one HTML page without a network: what Dataiku would show, with its conditions at work."""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
PARTS = ROOT / "tests/standin/form_page"
# What a project would offer to choose from.
SAMPLE = {
    "llms": [
        {"value": "openai:main:small", "label": "A small model"},
        {"value": "openai:main:large", "label": "A large model"},
    ],
    "columns": [
        "review_id",
        "product",
        "review",
        "photo",
        "conversation",
        "system_message",
        "user_message",
    ],
    "datasets": ["reviews", "labelled"],
    "folders": ["photos", "runs"],
    "choices": [{"value": "chosen", "label": "What the project has"}],
}


def forms() -> dict[str, dict[str, Any]]:
    """Every descriptor with a form, by the name that the page shows."""
    found = {"plugin": ROOT / "plugin.json"}
    found |= {f"recipe {it.parent.name}": it for it in ROOT.glob("custom-recipes/*/recipe.json")}
    found |= {f"macro {it.parent.name}": it for it in ROOT.glob("python-runnables/*/runnable.json")}
    return {name: json.loads(found[name].read_text(encoding="utf-8")) for name in sorted(found)}


def page() -> str:
    """The whole document, from the files as they are now."""
    text = (PARTS / "form.html").read_text(encoding="utf-8")
    for part in ("form.css", "inputs.js", "form.js", "hands.js"):
        text = text.replace(f"/*{part}*/", (PARTS / part).read_text(encoding="utf-8"))
    # "</" would end the script.
    data = json.dumps({"forms": forms(), "sample": SAMPLE}).replace("</", "<\\/")
    return text.replace("/*data*/", data)
