"""What an LLM is asked so that its answers show what it does through this API, and what they show.

A question whose answer stands nowhere but in the part under test tells honoured from ignored: DSS and providers may
refuse an argument, or drop it without a word.
"""

import base64
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from mesh_prompt_batch.completion import Completion, CompletionRequest, Message
from mesh_prompt_batch.form import Form
from mesh_prompt_batch.format_settings import LABELS, FormatSettings
from mesh_prompt_batch.found_json import InvalidAnswerError, containers_in
from mesh_prompt_batch.usage import NOTHING_REPORTED, Usage, usage_from

HONOURED, IGNORED, REFUSED, ACCEPTED = "honoured", "ignored", "refused", "accepted"
FEW_TOKENS = 8
# Bounds the answers to the other probes, where the LLM honours it.
CAP_TOKENS = 200
_WORD, _TOOL = "pelican", "note_word"
_COLOUR, _YELLOW, _SIDE = "yellow", b"\xff\xff\x00", 64


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """What an answer shows; `tool`: the function that the LLM calls; `pieces`: in how many the text came."""

    text: str = ""
    finish_reason: str | None = None
    usage: Usage = NOTHING_REPORTED
    tool: str = ""
    pieces: int = 1

    @classmethod
    def of(cls, body: object) -> "ProbeAnswer":
        """Whatever came with 200: nothing is taken for granted."""
        whole = _mapping(body)
        choices = whole.get("choices")
        choice = _mapping(choices[0] if isinstance(choices, list) and choices else None)
        message = _mapping(choice.get("message"))
        calls = message.get("tool_calls")
        call = _mapping(calls[0] if isinstance(calls, list) and calls else None)
        reason = choice.get("finish_reason")
        return cls(
            str(message.get("content") or ""),
            reason if isinstance(reason, str) else None,
            usage_from(whole),
            str(_mapping(call.get("function")).get("name") or ""),
        )

    @classmethod
    def of_stream(cls, whole: Completion | None, pieces: int) -> "ProbeAnswer":
        if whole is None:
            return cls(pieces=pieces)
        return cls(whole.text, whole.finish_reason, whole.usage, pieces=pieces)


@dataclass(frozen=True, slots=True)
class Probe:
    """One call: `verdict` reads its answer; `column` and `label` are those of the table."""

    column: str
    label: str
    messages: tuple[Message, ...]
    parameters: Mapping[str, object]
    verdict: Callable[[ProbeAnswer], str]
    streamed: bool = False

    def request(self, llm_id: str, cap: Mapping[str, object]) -> CompletionRequest:
        return CompletionRequest(llm_id, self.messages, {**cap, **self.parameters})

    def judged(self, answer: ProbeAnswer) -> str:
        found = self.verdict(answer)
        cut = answer.finish_reason == "length" and self.column != "max_tokens"
        return "cut off" if found == IGNORED and cut else found


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _user(content: object) -> tuple[Message, ...]:
    return ({"role": "user", "content": content},)


def _says(word: str) -> Callable[[ProbeAnswer], str]:
    return lambda answer: HONOURED if word in answer.text.casefold() else IGNORED


def _in_pieces(answer: ProbeAnswer) -> str:
    return HONOURED if answer.pieces > 1 else IGNORED


def _few_tokens(answer: ProbeAnswer) -> str:
    tokens = answer.usage.completion_tokens
    few = answer.finish_reason == "length" or (tokens is not None and tokens <= FEW_TOKENS)
    return HONOURED if few else IGNORED


def _calls_the_tool(answer: ProbeAnswer) -> str:
    return HONOURED if answer.tool == _TOOL else IGNORED


def _as_asked_by_prompt(answer: ProbeAnswer) -> str:
    try:
        _CAPITAL.value_in(answer.text)
    except InvalidAnswerError:
        return IGNORED
    return HONOURED


def _as_the_schema_wants(answer: ProbeAnswer) -> str:
    try:
        first = next(containers_in(answer.text), None)
    except InvalidAnswerError:
        return IGNORED
    return HONOURED if isinstance(first, dict) and {*first} == {_WORD} else IGNORED


def _yellow_square() -> str:
    """A PNG as a data URL."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    head = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 2, 0, 0, 0)
    pixels = zlib.compress((b"\0" + _YELLOW * _SIDE) * _SIDE)
    file = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )
    return f"data:image/png;base64,{base64.b64encode(file).decode()}"


def _object_of(name: str, kind: str) -> dict[str, object]:
    return {
        "type": "object",
        "properties": {name: {"type": kind}},
        "required": [name],
        "additionalProperties": False,
    }


# As the recipe asks for JSON, so that the verdict holds for it.
_CAPITAL = FormatSettings.from_form(
    Form(
        {
            "output_format": "json_schema",
            "json_schema": '{"type": "object", "properties": {"capital": {"type": "string"}}, "required": ["capital"]}',
        },
        LABELS,
    )
)
_JSON_MESSAGES = _CAPITAL.applied(
    CompletionRequest("", _user("What is the capital of France?"), {})
).messages
_SYSTEM: Message = {
    "role": "system",
    "content": f"The secret word is {_WORD}. You tell it to anybody who asks for it.",
}
_RESPONSE_FORMAT = {
    "type": "json_schema",
    "json_schema": {"name": "answer", "strict": True, "schema": _object_of(_WORD, "integer")},
}
_NOTE = {
    "name": _TOOL,
    "description": "Notes a word.",
    "parameters": _object_of("word", "string"),
}
_IMAGE = [
    {"type": "text", "text": "Which colour fills this image? Answer with one word."},
    {"type": "image_url", "image_url": {"url": _yellow_square()}},
]

# The first call: without any parameter, so that no refusal of one hides whether the LLM answers.
ALIVE = Probe("usage", "Usage", _user("Say ok."), {}, lambda _answer: HONOURED)
MAX_TOKENS = Probe(
    "max_tokens",
    "max_tokens",
    _user("Count from 1 to 40, separated by commas."),
    {"max_tokens": FEW_TOKENS},
    _few_tokens,
)
# What reasoning models want instead: asked only where the other name is refused.
RENAMED_MAX_TOKENS = replace(MAX_TOKENS, parameters={"max_completion_tokens": FEW_TOKENS})
STREAMING = Probe(
    "streaming",
    "Streaming",
    _user("Count from 1 to 10, separated by commas."),
    {},
    _in_pieces,
    streamed=True,
)
OTHERS = (
    Probe(
        "system_message",
        "System message",
        (_SYSTEM, *_user("What is the secret word?")),
        {},
        _says(_WORD),
    ),
    STREAMING,
    Probe("json_by_prompt", "JSON by prompt", _JSON_MESSAGES, {}, _as_asked_by_prompt),
    Probe(
        "response_format",
        "response_format",
        _user("Say hello."),
        {"response_format": _RESPONSE_FORMAT},
        _as_the_schema_wants,
    ),
    Probe(
        "tools",
        "Tools",
        _user(f"Call the function {_TOOL} with the word {_WORD}."),
        {"tools": [{"type": "function", "function": _NOTE}]},
        _calls_the_tool,
    ),
    Probe("images", "Images", _user(_IMAGE), {}, _says(_COLOUR)),
    Probe(
        "temperature", "temperature", _user("Say ok."), {"temperature": 0}, lambda _answer: ACCEPTED
    ),
)
MOST_CALLS = 3 + len(OTHERS)
# By column, in the table's order.
CAPABILITIES = {it.column: it.label for it in (*OTHERS[:2], ALIVE, *OTHERS[2:], MAX_TOKENS)}
