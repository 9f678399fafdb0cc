"""Where the messages come from: every mode through the job runner."""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local_flow import Flow

EXAMPLES_FOLDER = Path(__file__).resolve().parents[3] / "examples"
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


TOOL_CALLS = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
CONVERSATION: list[dict[str, object]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": f"Look. {CANARY}"}]},
    {"role": "assistant", "content": None, "tool_calls": TOOL_CALLS},
    {"role": "tool", "tool_call_id": "c1", "content": "42"},
    {"role": "user", "content": "é {{chat}} ${tone}"},
]
# A cell, and what its row's error says; "" where it is sent.
CELLS: dict[str, tuple[str, str]] = {
    "whole": (json.dumps(CONVERSATION), ""),
    "unescaped": (json.dumps(CONVERSATION[-1:], ensure_ascii=False, indent=2), ""),
    "blank": ("", "The conversation is blank."),
    "text": (CANARY, "The conversation is no JSON: Expecting value in line 1, column 1."),
    "object": (json.dumps(CONVERSATION[0]), "The conversation is no JSON array of messages."),
    "no user": (json.dumps(CONVERSATION[:1]), "The conversation has no user message."),
    "role": (
        json.dumps([*CONVERSATION, {"role": CANARY, "content": "x"}]),
        "Message 6 of the 6 in the conversation, counted from 1, has none of the roles",
    ),
    "content": (
        json.dumps([{"role": "user", "content": 5}, *CONVERSATION]),
        "Message 1 of the 6 in the conversation, counted from 1, has a content that is neither",
    ),
    "half a pair": (
        json.dumps([{"role": "user", "content": "\ud83d"}]),
        "half of a character pair",
    ),
    "deep": ("[" * 100_000, "The conversation is no JSON that can be read."),
}


def test_conversations_are_sent_as_they_are_and_a_malformed_one_costs_its_row(flow: Flow) -> None:
    cells = [{"kind": kind, "chat": cell} for kind, (cell, _) in CELLS.items()]
    flow.project.create_texts("prompts", cells)
    config = {"messages_mode": "conversation", "conversation_column": "chat", "user_column": None}
    result = flow.run({**config, "examples": 5, "max_concurrency": 1, "output_columns": "full"})
    assert result.succeeded, result.text
    sent = [call.body["messages"] for call in flow.mesh.calls]
    assert sent == [CONVERSATION, CONVERSATION[-1:]]
    for row, (_, words) in zip(flow.answers, CELLS.values(), strict=True):
        assert row["error_type"] == ("invalid_row" if words else ""), row["kind"]
        assert words in row["error_message"], row["kind"]
    assert flow.column("completion")[:2] == ["You said: é {{chat}} ${tone}"] * 2
    assert json.loads(flow.column("messages_sent")[0]) == CONVERSATION
    assert "conversation column: chat" in result.text
    assert CANARY not in result.text


def test_the_example_s_reviews_ask_the_same_in_every_mode(flow: Flow) -> None:
    with (EXAMPLES_FOLDER / "reviews.csv").open(encoding="utf-8", newline="") as file:
        reviews = list(csv.DictReader(file))
    flow.project.create_texts("prompts", reviews)

    def sent(name: str) -> list[list[tuple[str, str]]]:
        flow.mesh.calls.clear()
        form = json.loads((EXAMPLES_FOLDER / f"reviews.{name}.json").read_text(encoding="utf-8"))
        result = flow.run({"user_column": None, **form})
        assert result.succeeded, result.text
        assert not any(flow.column("error_type"))
        messages = [call.body["messages"] for call in flow.mesh.calls]
        by_question = {
            it[-1]["content"]: [(m["role"], m["content"]) for m in it] for it in messages
        }
        return [by_question[review["user_message"]] for review in reviews]

    from_columns = sent("settings")
    assert sent("template") == sent("conversation") == from_columns
    with_examples = sent("examples")
    assert [[row[0], row[-1]] for row in with_examples] == from_columns
    assert [role for role, _ in with_examples[0][1:-1]] == ["user", "assistant"] * 2


REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "no such mode": (
        {"messages_mode": "chat"},
        "'Messages from' must be one of columns, template,",
    ),
    "no template": ({"user_template": " "}, "'User message template' is missing"),
    "a renamed column": (
        {"user_template": "{{Reviews}}"},
        "'User message template': the input has no column 'Reviews', perhaps 'review';",
    ),
    "stray braces": (
        {"user_template": "x", "system_template": f"{CANARY}\n{{{{ {CANARY}"},
        "'System message template' has two opening braces in line 2",
    ),
    "no conversation column": (
        {"messages_mode": "conversation"},
        "'Conversation column' is missing: choose the column",
    ),
    "a conversation column that is gone": (
        {"messages_mode": "conversation", "conversation_column": "chat"},
        "'Conversation column': the input has no column 'chat';",
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
