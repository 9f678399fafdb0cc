"""`python -m bench.validation`: what checking an answer against a JSON schema adds to a row, in milliseconds of CPU.

A row is checked twice: when its answer comes, and when its columns are filled.
"""

import json
import sys
import time

from mesh_prompt_batch.form import Form
from mesh_prompt_batch.format_settings import LABELS, FormatSettings

MOST_MS = 0.1
ROWS, ROUNDS = 500, 25
SMALL = {
    "type": "object",
    "properties": {"label": {"enum": ["Positive", "Negative"]}},
    "required": ["label"],
    "additionalProperties": False,
}
LARGE = {
    "type": "object",
    "properties": {
        "label": {"enum": ["Positive", "Negative", "Mixed"]},
        "stars": {"type": "integer", "minimum": 1, "maximum": 5},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "recommends": {"type": ["boolean", "null"]},
        "summary": {"type": "string", "maxLength": 200},
        "topics": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["label", "stars", "summary"],
    "additionalProperties": False,
}
LABEL = {"label": "Negative"}
REVIEW = {
    "label": "Mixed",
    "stars": 3,
    "confidence": 0.75,
    "recommends": None,
    "summary": "Heats fast, looks good, and leaks after two days of use.",
    "topics": ["speed", "looks", "leaks"],
}
CASES = {
    "one property": (SMALL, json.dumps(LABEL)),
    "six properties": (LARGE, json.dumps(REVIEW)),
    "six, in a fence among words": (
        LARGE,
        f"Here is what you asked for:\n\n```json\n{json.dumps(REVIEW, indent=2)}\n```\nAnything else?",
    ),
    "six, as Python prints them": (LARGE, f"{REVIEW}"),
}


def main() -> None:
    """Exit code 1 where a row takes longer than it may."""
    worst = 0.0
    print("| answer | ms a row |\n|---|---|")
    for name, (schema, text) in CASES.items():
        took = milliseconds_a_row(schema, text)
        worst = max(worst, took)
        print(f"| {name} | {took:.3f} |")
    if worst > MOST_MS:
        sys.exit(f"More than {MOST_MS} ms a row.")


def milliseconds_a_row(schema: object, text: str) -> float:
    """The least of several rounds: neighbours on the machine only add."""
    asked = {"output_format": "json_schema", "json_schema": json.dumps(schema)}
    wanted = FormatSettings.from_form(Form(asked, LABELS))
    rounds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(ROWS):
            wanted.value_in(text)
            wanted.cells(text)
        rounds.append(1000 * (time.process_time() - started) / ROWS)
    return min(rounds)


if __name__ == "__main__":
    main()
