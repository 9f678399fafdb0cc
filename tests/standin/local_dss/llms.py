"""The LLMs of the local Mesh and how they answer: by a rule that a test can check, or by a real model."""

import asyncio
import itertools
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local_dss.message_parts import content_error, images_of

Body = Mapping[str, Any]

TOKENS_AN_IMAGE = 85
LLM_ID = "openai:demo:small-model"
# What DSS gives of an LLM varies: `connection` and `model` are missing for agents, purposes are asked for by name.
LLMS: Sequence[dict[str, object]] = (
    {
        "id": LLM_ID,
        "type": "OPENAI",
        "friendlyName": "Small model (demo)",
        "friendlyNameShort": "Small model",
        "connection": "demo",
        "model": "small-model",
        "purposes": ["GENERIC_COMPLETION"],
    },
    {
        "id": "bedrock:aws:anthropic.claude-v1:0",
        "type": "BEDROCK",
        "friendlyName": "Claude on AWS",
        "connection": "aws",
        "purposes": ["GENERIC_COMPLETION"],
    },
    {
        "id": "agent:aBcD1234",
        "type": "SAVED_MODEL_AGENT",
        "friendlyName": "Support agent",
        "purposes": ["GENERIC_COMPLETION"],
    },
    {
        "id": "huggingfacelocal:hf:intfloat/e5=base",
        "type": "HUGGINGFACE_TRANSFORMER_LOCAL",
        "connection": "hf",
        "purposes": ["TEXT_EMBEDDING_EXTRACTION"],
    },
)
# Safe to send, by DSS's documentation.
ARGUMENTS = frozenset(
    {"model", "messages", "temperature", "top_p", "max_tokens", "stop", "stream", "stream_options"}
    | {"tools", "tool_choice", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs"}
    | {"top_logprobs"}
)


@dataclass(frozen=True, slots=True)
class Manners:
    """What an LLM asks of a request: parameters that it refuses, by whatever value, and the name of its token limit.

    `status`: how DSS passes a refusal on, with 400 or as a failure of its own.
    """

    refuses: Sequence[str] = ()
    limit_name: str = "max_tokens"
    status: int = 400

    def refusal(self, body: Body) -> str | None:
        """In OpenAI's words, inside DSS's, with the question quoted as providers do."""
        for name in self.refuses:
            if name in body:
                value = (
                    f"Unsupported value: '{name}' does not support {body[name]} with this model."
                )
                return f"OpenAI refused {user_text(body)}: {value} Only the default is supported."
        other = {"max_tokens", "max_completion_tokens"} - {self.limit_name}
        for name in other & body.keys():
            refused = f"Unsupported parameter: '{name}' is not supported with this model."
            return f"OpenAI refused {user_text(body)}: {refused} Use '{self.limit_name}' instead."
        return None


def argument_error(body: Body, also_known: Collection[str] = ()) -> str | None:
    """Why DSS's strictest reading would refuse a request; None where it would not."""
    unknown = sorted(set(body) - ARGUMENTS - {*also_known})
    if unknown:
        return f"Unsupported arguments: {', '.join(unknown)}"
    if wrong := messages_error(body.get("messages")):
        return wrong
    for name in ("temperature", "top_p", "presence_penalty", "frequency_penalty"):
        if name in body and type(body[name]) not in (int, float):
            return f"{name} is no number: {body[name]!r}"
    if "max_tokens" in body and type(body["max_tokens"]) is not int:
        return f"max_tokens is no whole number: {body['max_tokens']!r}"
    return None


def messages_error(messages: object) -> str | None:
    if not isinstance(messages, list) or not messages:
        return "No messages"
    for message in messages:
        if message.get("role") not in ("system", "user", "assistant", "tool"):
            return f"Unknown role {message.get('role')!r}"
        if wrong := content_error(message.get("content")):
            return wrong
    return None


def user_text(body: Body) -> str:
    """What was asked: the last user message."""
    users = [it["content"] for it in body["messages"] if it["role"] == "user"]
    return content_text(users[-1]) if users else ""


def content_text(content: object) -> str:
    """The words of a content, which may be text, an array of parts, or nothing beside a tool call."""
    if isinstance(content, list):
        return " ".join(str(part["text"]) for part in content if part["type"] == "text")
    return str(content or "")


def rule_answer(text: str) -> str:
    """Says which question it answers, so that a test sees whether it stands beside its row."""
    return f"You said: {text}"


def schema_answer(body: Body, text: str) -> str:
    """What an LLM says that keeps to the schema of a `response_format`; its texts are `text`."""
    return json.dumps(_conforming(body["response_format"]["json_schema"]["schema"], text))


def _conforming(schema: Body, text: str) -> object:
    """For the few keywords that tests use."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: _conforming(it, text) for name, it in properties.items()}
    values = {"string": text, "integer": len(text), "number": 0.5, "boolean": True, "array": []}
    return values[kind]


def completion_body(body: Body, text: str, *, with_usage: bool) -> dict[str, object]:
    """As DSS answers: without `created`, `system_fingerprint` and `refusal`; an answer is cut at `max_tokens` words."""
    words = text.split(" ")
    limit = body.get("max_tokens") or body.get("max_completion_tokens") or len(words)
    cut = len(words) > limit
    answer: dict[str, object] = {
        "id": "chatcmpl-local",
        "object": "chat.completion",
        "model": body["model"],
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": " ".join(words[:limit])},
                "finish_reason": "length" if cut else "stop",
            }
        ],
    }
    if with_usage:
        answer["usage"] = usage(body, min(len(words), limit))
    return answer


def usage(body: Body, completion_tokens: int) -> dict[str, int]:
    prompt = sum(len(content_text(it.get("content")).split()) for it in body["messages"])
    prompt += TOKENS_AN_IMAGE * len(images_of(body))
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt + completion_tokens,
    }


def chunks(body: Body, text: str, *, with_usage: bool = True) -> list[dict[str, object]]:
    """A streamed answer, word by word; the last chunk has the usage and no choice."""
    whole = completion_body(body, text, with_usage=with_usage)

    def chunk(delta: Body, reason: str | None) -> dict[str, object]:
        choice = {"index": 0, "delta": dict(delta), "finish_reason": reason}
        head = {"id": whole["id"], "object": "chat.completion.chunk", "model": whole["model"]}
        return {**head, "choices": [choice]}

    choices: Any = whole["choices"]
    words = choices[0]["message"]["content"].split(" ")
    pieces = [words[0], *(f" {word}" for word in words[1:])]
    sent = [chunk({"role": "assistant"}, None)]
    sent += [chunk({"content": piece}, None) for piece in pieces]
    sent.append(chunk({}, choices[0]["finish_reason"]))
    if with_usage and (body.get("stream_options") or {}).get("include_usage"):
        sent.append({**chunk({}, None), "choices": [], "usage": whole["usage"]})
    return sent


class Turns:
    """Counts calls, in all and for each question, for scripts that say "the second time"."""

    def __init__(self) -> None:
        self._all = itertools.count(1)
        self._by_question: dict[str, int] = {}
        self.in_flight = 0
        self.most_in_flight = 0

    def next(self, question: str) -> tuple[int, int]:
        self._by_question[question] = self._by_question.get(question, 0) + 1
        return next(self._all), self._by_question[question]

    async def __aenter__(self) -> None:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        await asyncio.sleep(0)

    async def __aexit__(self, *_: object) -> None:
        self.in_flight -= 1
