"""A cell with a conversation → its messages, checked as far as a call would be wasted on them."""

import itertools
import json
import math
from collections.abc import Iterable, Mapping

from mesh_prompt_batch.completion import Message
from mesh_prompt_batch.errors import invalid_row

ROLES = ("system", "user", "assistant", "tool")
# What makes a fingerprint, a request and a log of it walks down as deep; Python gives up near a thousand.
_DEEPEST = 64


def conversation(cell: str) -> tuple[Message, ...]:
    """The messages as they are in the cell. Raises RequestError (`invalid_row`) that says which one cannot be sent."""
    messages = _array(cell)
    # Of all at once, which is quick; one by one only where it finds something.
    suspect = _fault_of_values(messages)
    for position, message in enumerate(messages, 1):
        if fault := _fault(message) or (suspect and _fault_of_values(message)):
            raise invalid_row(
                f"Message {position} of the {len(messages)} in the conversation, counted from 1, {fault}."
            )
    if not any(message["role"] == "user" for message in messages):
        raise invalid_row("The conversation has no user message.")
    return tuple(messages)


def _array(cell: str) -> list[dict[str, object]]:
    if not cell.strip():
        raise invalid_row("The conversation is blank.")
    try:
        array = json.loads(cell)
    except json.JSONDecodeError as error:
        raise invalid_row(
            f"The conversation is no JSON: {error.msg} in line {error.lineno}, column {error.colno}."
        ) from None
    except (ValueError, RecursionError):
        # Numbers of thousands of digits, thousands of brackets.
        raise invalid_row("The conversation is no JSON that can be read.") from None
    if not isinstance(array, list):
        raise invalid_row("The conversation is no JSON array of messages.")
    return array


def _fault(message: object) -> str | None:
    """The end of a sentence that begins with the message's position."""
    if not isinstance(message, dict):
        return "is no object with role and content"
    if message.get("role") not in ROLES:
        return f"has none of the roles {', '.join(ROLES)}"
    return _fault_of_calls(message) or _fault_of_content(message)


def _fault_of_calls(message: Mapping[str, object]) -> str | None:
    """The calls themselves go through as they are."""
    calls = message.get("tool_calls")
    if calls is not None and not _are_objects(calls):
        return "has tool_calls that are no array of objects"
    if message["role"] == "tool" and not isinstance(message.get("tool_call_id"), str):
        return "has no tool_call_id, which says what a tool message answers"
    return None


def _fault_of_content(message: Mapping[str, object]) -> str | None:
    content = message.get("content")
    if content is None and message.get("tool_calls"):
        return None
    if isinstance(content, list):
        return _fault_of_parts(content, user=message["role"] == "user")
    if not isinstance(content, str):
        return "has a content that is neither text nor an array of parts"
    if message["role"] == "user" and not content.strip():
        return "is blank"
    return None


def _fault_of_parts(parts: list[object], *, user: bool) -> str | None:
    """Parts of other types than text go through as they are."""
    says_something = False
    for position, part in enumerate(parts, 1):
        if not isinstance(part, dict) or not isinstance(part.get("type"), str):
            return f"has a part that is no object with a type, part {position} counted from 1"
        text = part.get("text", "")
        if part["type"] == "text" and not (isinstance(text, str) and "text" in part):
            return f"has a text part without text, part {position} counted from 1"
        says_something |= part["type"] != "text" or bool(text.strip())
    return "is blank" if user and not says_something else None


def _fault_of_values(values: object) -> str | None:
    """JSON can say what a request cannot: half a character pair, a number out of bounds, nesting without end."""
    level = [values]
    for _ in range(_DEEPEST):
        try:
            "".join(it for it in level if isinstance(it, str)).encode()
        except UnicodeEncodeError:
            return "holds half of a character pair (a lone surrogate), which cannot be sent"
        if not all(math.isfinite(it) for it in level if isinstance(it, float)):
            return "holds a number that is none in JSON, such as NaN"
        level = [inner for it in level for inner in _inside(it)]
        if not level:
            return None
    return f"is nested deeper than {_DEEPEST} levels"


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return itertools.chain(value, value.values())
    return value if isinstance(value, list) else ()


def _are_objects(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(it, dict) for it in value)
