"""Arguments of a chat completion, each with a question whose answer tells, if any can, whether DSS passed it on.

Documented as not supported, all but the last two.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from integration.route import Reply

HONOURED, IGNORED, ACCEPTED, REFUSED = "honoured", "ignored", "accepted", "refused"
WORD, FUNCTION, FEW_TOKENS = "pelican", "note_word", 8


@dataclass(frozen=True, slots=True)
class Argument:
    """`sent` holds it under its name, with what it needs or excludes: None leaves an argument out."""

    name: str
    question: str
    sent: Mapping[str, object]
    shown: Callable[[Reply], str] = lambda _reply: ACCEPTED

    def verdict(self, reply: Reply) -> str:
        return self.shown(reply) if reply.status == 200 else REFUSED


def _two_choices(reply: Reply) -> str:
    return HONOURED if len(reply.choices) == 2 else IGNORED


def _has_logprobs(reply: Reply) -> str:
    return HONOURED if reply.choice.get("logprobs") else IGNORED


def _is_stopped(reply: Reply) -> str:
    if "," in reply.text:
        return IGNORED
    return HONOURED if reply.text.strip() == "1" else ACCEPTED


def _keeps_schema(reply: Reply) -> str:
    """Its one key is named nowhere but in the schema."""
    try:
        found = json.loads(reply.text)
    except json.JSONDecodeError:
        return ACCEPTED if reply.choice.get("finish_reason") == "length" else IGNORED
    return HONOURED if isinstance(found, dict) and {*found} == {WORD} else IGNORED


def _is_short(reply: Reply) -> str:
    tokens = reply.usage.get("completion_tokens")
    few = isinstance(tokens, int) and 0 < tokens <= FEW_TOKENS
    cut = reply.choice.get("finish_reason") == "length"
    return HONOURED if few or cut else IGNORED


def _calls_once(reply: Reply) -> str:
    """One call may be the LLM's own choice."""
    return IGNORED if len(reply.message.get("tool_calls") or ()) > 1 else ACCEPTED


def _calls_function(reply: Reply) -> str:
    return HONOURED if reply.message.get("function_call") else IGNORED


_SAY_HELLO = "Say hello."
_CALL = f"Call the function {FUNCTION} with the word {WORD}."
_CALL_TWICE = f"Call the function {FUNCTION} twice in one answer: with the word {WORD}, and with the word heron."
_COUNT = "Count from 1 to 40, separated by commas. Write the numbers alone."


def _object_of(name: str, kind: str) -> dict[str, object]:
    properties = {name: {"type": kind}}
    return {
        "type": "object",
        "properties": properties,
        "required": [name],
        "additionalProperties": False,
    }


_NOTE = {
    "name": FUNCTION,
    "description": "Notes a word.",
    "parameters": _object_of("word", "string"),
}
_SCHEMA = {"name": "answer", "strict": True, "schema": _object_of(WORD, "integer")}
_TOOLS = [{"type": "function", "function": _NOTE}]

ARGUMENTS = (
    Argument("n", _SAY_HELLO, {"n": 2}, _two_choices),
    Argument(
        "response_format",
        _SAY_HELLO,
        {"response_format": {"type": "json_schema", "json_schema": _SCHEMA}},
        _keeps_schema,
    ),
    Argument("seed", _SAY_HELLO, {"seed": 7}),
    Argument("service_tier", _SAY_HELLO, {"service_tier": "auto"}),
    Argument(
        "parallel_tool_calls",
        _CALL_TWICE,
        {"parallel_tool_calls": False, "tools": _TOOLS},
        _calls_once,
    ),
    Argument("user", _SAY_HELLO, {"user": "kit"}),
    Argument("functions", _CALL, {"functions": [_NOTE]}, _calls_function),
    Argument(
        "function_call",
        _SAY_HELLO,
        {"function_call": {"name": FUNCTION}, "functions": [_NOTE]},
        _calls_function,
    ),
    Argument(
        "max_completion_tokens",
        _COUNT,
        {"max_completion_tokens": FEW_TOKENS, "max_tokens": None},
        _is_short,
    ),
    Argument("stop", _COUNT, {"stop": [","]}, _is_stopped),
    Argument("logprobs", _SAY_HELLO, {"logprobs": True}, _has_logprobs),
)
