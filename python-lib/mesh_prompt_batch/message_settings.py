"""Where a row's messages come from."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mesh_prompt_batch.completion import Message
from mesh_prompt_batch.form import Form
from mesh_prompt_batch.prompt_digest import prompt_digest
from mesh_prompt_batch.template import MalformedTemplateError, Template
from mesh_prompt_batch.variables import with_variables

LABELS = {
    "messages_mode": "Messages from",
    "system_column": "System message column",
    "user_column": "User message column",
    "system_template": "System message template",
    "user_template": "User message template",
    "conversation_column": "Conversation column",
    "examples": "Examples",
}
MODES = ("columns", "template", "conversation")


@dataclass(frozen=True, slots=True)
class WrittenMessages:
    """Modes columns and template: a system and a user message; a column is a template of one cell.

    `parameters` are the names of the fields that gave `system` and `user`; `examples` go between the two.
    """

    system: Template
    user: Template
    examples: tuple[Message, ...] = field(repr=False)
    parameters: tuple[str, str]
    shown: Mapping[str, object]

    def chosen_columns(self) -> Sequence[tuple[str, str]]:
        system, user = self.parameters
        return [
            *((system, name) for name in self.system.columns),
            *((user, name) for name in self.user.columns),
        ]

    def described(self) -> Mapping[str, object]:
        words = json.dumps(self.examples) if self.examples else ""
        return {**self.shown, "examples": prompt_digest(words) if words else "none"}


@dataclass(frozen=True, slots=True)
class Conversations:
    """Mode conversation: all messages of a row in the cell of one column."""

    column: str

    def chosen_columns(self) -> Sequence[tuple[str, str]]:
        return [("conversation_column", self.column)]

    def described(self) -> Mapping[str, object]:
        return {"conversation column": self.column}


@dataclass(frozen=True, slots=True)
class MessageSettings:
    """Fields of modes that were not chosen are not read."""

    source: WrittenMessages | Conversations

    @classmethod
    def from_form(cls, form: Form, variables: Mapping[str, str]) -> "MessageSettings":
        """`variables` are the project's, for `${name}` in templates."""
        mode = form.choice("messages_mode", MODES, "columns")
        if mode == "template":
            return cls(_from_templates(form, variables))
        if mode == "conversation":
            advice = "choose the column with the conversation of each row"
            return cls(Conversations(form.required_text("conversation_column", advice)))
        return cls(_from_columns(form))

    def chosen_columns(self) -> Sequence[tuple[str, str]]:
        """Parameter and column, of the columns whose cells are read."""
        return self.source.chosen_columns()

    def described(self) -> Mapping[str, object]:
        return self.source.described()


def _from_columns(form: Form) -> WrittenMessages:
    user = form.required_text("user_column", "choose the column with the prompt of each row")
    system = form.text("system_column")
    return WrittenMessages(
        Template.of_column(system),
        Template.of_column(user),
        _examples(form),
        ("system_column", "user_column"),
        {"system column": system or "none", "user column": user},
    )


def _from_templates(form: Form, variables: Mapping[str, str]) -> WrittenMessages:
    user, user_shown = _template(form, "user_template", variables)
    if user.is_blank:
        raise form.refused("user_template", "is missing: write the prompt of each row")
    system, system_shown = _template(form, "system_template", variables)
    return WrittenMessages(
        system,
        user,
        _examples(form),
        ("system_template", "user_template"),
        {"system template": system_shown, "user template": user_shown},
    )


def _template(form: Form, name: str, variables: Mapping[str, str]) -> tuple[Template, str]:
    """With what the log shows of it."""
    # Variables first, as where DSS resolves them before we see the text. A name that is none stays: a prompt may hold
    # ${…} of its own, such as code.
    text, unknown = with_variables(form.text(name), variables)
    try:
        template = Template.parsed(text)
    except MalformedTemplateError as error:
        raise form.refused(name, str(error)) from None
    shown = [prompt_digest(text), f"cells of {', '.join(template.columns) or 'no column'}"]
    if unknown:
        shown.append(f"{len(unknown)} ${{…}} that are no variable of the project sent as they are")
    return template, "none" if template.is_blank else f"({'; '.join(shown)})"


def _examples(form: Form) -> tuple[Message, ...]:
    messages: list[Message] = []
    for position, pair in enumerate(form.objects("examples", ("user", "assistant")), 1):
        if not any(pair.values()):
            continue
        for role, content in pair.items():
            if not content:
                raise form.refused("examples", f"has no {role} message in entry {position}")
            messages.append({"role": role, "content": content})
    return tuple(messages)
