"""Where the messages come from: every mode through the job runner."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from local_flow import Flow

CANARY = "canary-prompt-7d21"
ROWS = [
    {"product": "kettle", "review": f"Fine. {CANARY} {{{{product}}}}", "role": "Be brief."},
    {"product": "", "review": "", "role": ""},
]


@dataclass
class Mode:
    """A form, and the messages that each row sends with it: role, content; None for a row that is refused."""

    config: dict[str, Any]
    sent: list[list[tuple[str, str]] | None]
    variables: Mapping[str, str] = field(default_factory=dict)
    logged: str = ""


EXAMPLES = [{"user": "Bad.", "assistant": f"Negative {CANARY}"}]
REVIEW = f"Fine. {CANARY} {{{{product}}}}"
MODES = {
    "columns": Mode(
        {"user_column": "review", "system_column": "role", "user_template": "{{", "examples": []},
        [[("system", "Be brief."), ("user", REVIEW)], None],
        logged="system column: role; user column: review; examples: none",
    ),
    "columns and examples": Mode(
        {"messages_mode": "columns", "user_column": "review", "examples": EXAMPLES},
        [[("user", "Bad."), ("assistant", f"Negative {CANARY}"), ("user", REVIEW)], None],
        logged="system column: none; user column: review; examples: ",
    ),
    "template": Mode(
        {
            "messages_mode": "template",
            "user_column": "gone",
            "system_template": f"{CANARY} {{{{role}}}}",
            "user_template": "{{ product }}: {{review}} {{{{product}} ${tone} ${HOME}",
        },
        [
            [
                ("system", f"{CANARY} Be brief."),
                ("user", f"kettle: {REVIEW} {{{{product}}}} kind ${{HOME}}"),
            ],
            [("system", f"{CANARY} "), ("user", ":  {{product}} kind ${HOME}")],
        ],
        {"tone": "kind"},
        logged="cells of product, review; 1 ${…} that are no variable of the project",
    ),
    "template and examples": Mode(
        {"messages_mode": "template", "user_template": "{{review}}", "examples": EXAMPLES},
        [[("user", "Bad."), ("assistant", f"Negative {CANARY}"), ("user", REVIEW)], None],
        logged="system template: none; user template: (10 characters, SHA-256 ",
    ),
}


@pytest.mark.parametrize("name", MODES)
def test_each_row_sends_the_messages_of_its_mode_and_the_log_has_none(
    flow: Flow, name: str
) -> None:
    mode = MODES[name]
    flow.project.create_texts("prompts", ROWS)
    config = {"user_column": None, **mode.config, "max_concurrency": 1}
    result = flow.run(config, variables=mode.variables)
    assert result.succeeded, result.text
    sent = [call.body["messages"] for call in flow.mesh.calls]
    assert sent == [
        [{"role": role, "content": content} for role, content in row]
        for row in mode.sent
        if row is not None
    ]
    refused = ["invalid_row" if row is None else "" for row in mode.sent]
    assert flow.column("error_type") == refused
    assert [row["product"] for row in flow.answers] == ["kettle", ""]
    assert mode.logged in result.text
    assert CANARY not in result.text


REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "no such mode": ({"messages_mode": "chat"}, "'Messages from' must be one of columns, template"),
    "no template": ({"user_template": " "}, "'User message template' is missing"),
    "a renamed column": (
        {"user_template": "{{Reviews}}"},
        "'User message template': the input has no column 'Reviews', perhaps 'review';",
    ),
    "stray braces": (
        {"user_template": "x", "system_template": f"{CANARY}\n{{{{ {CANARY}"},
        "'System message template' has two opening braces in line 2",
    ),
    "half an example": (
        {"user_template": "{{review}}", "examples": [{"user": CANARY}]},
        "'Examples' has no assistant message in entry 1.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_mode_that_cannot_work_ends_the_run_before_any_call(flow: Flow, name: str) -> None:
    config, sentence = REFUSED[name]
    flow.project.create_texts("prompts", ROWS)
    flow.previous_output()
    result = flow.run({"messages_mode": "template", **config})
    assert result.exit_code == 1
    assert sentence in result.banner
    assert CANARY not in result.text + result.banner
    assert not flow.mesh.calls
    assert flow.untouched()
