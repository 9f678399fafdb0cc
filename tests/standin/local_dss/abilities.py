"""LLMs that differ in what they honour, refuse, or ignore without a word: for `MeshServer.fault_of`."""

import base64
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from local_dss.faults import events, refusal, respond
from local_dss.llms import chunks, completion_body, content_text, schema_answer, user_text
from local_dss.message_parts import images_of

_COLOURS = {b"\xff\xff\x00": "Yellow"}


@dataclass(frozen=True, slots=True)
class Abilities:
    """Each is "honoured", "ignored" or "refused". `usage`: whether whole and streamed answers tell their tokens."""

    system_message: str = "honoured"
    streaming: str = "honoured"
    usage: tuple[bool, bool] = (True, True)
    json_by_prompt: str = "honoured"
    response_format: str = "honoured"
    tools: str = "honoured"
    images: str = "honoured"
    temperature: str = "honoured"
    max_tokens: str = "honoured"

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        for name in _wanted(body):
            if getattr(self, name) == "refused":
                words = f"{name} is not supported; query was {user_text(body)}"
                return await refusal(400, words, "java.lang.IllegalArgumentException")(request)
        if self.max_tokens == "ignored":
            body.pop("max_tokens", None)
        if body.get("stream") and self.streaming == "honoured":
            sent = chunks(body, self._text(body))
            return await events(*(it for it in sent if self.usage[1] or "usage" not in it))(request)
        answer: Any = completion_body(body, self._text(body), with_usage=self.usage[0])
        if "tools" in body and self.tools == "honoured":
            function = {"name": body["tools"][0]["function"]["name"], "arguments": "{}"}
            calls = [{"id": "call_1", "type": "function", "function": function}]
            answer["choices"][0]["message"] = {
                "role": "assistant",
                "content": None,
                "tool_calls": calls,
            }
            answer["choices"][0]["finish_reason"] = "tool_calls"
        return await respond(json.dumps(answer))(request)

    def _text(self, body: dict[str, Any]) -> str:
        told = " ".join(
            content_text(it["content"]) for it in body["messages"] if it["role"] == "system"
        )
        if "response_format" in body and self.response_format == "honoured":
            return schema_answer(body, "a")
        if "JSON Schema" in told and self.json_by_prompt == "honoured":
            schema = json.loads(told[told.index("{") :])
            return schema_answer({"response_format": {"json_schema": {"schema": schema}}}, "a")
        if images_of(body) and self.images == "honoured":
            return _colour(images_of(body)[0])
        heard = told if self.system_message == "honoured" else ""
        return f"{heard} You said: {user_text(body)}".lstrip()


def _wanted(body: dict[str, Any]) -> Iterator[str]:
    if any(it["role"] == "system" for it in body["messages"]):
        yield "system_message"
    if body.get("stream"):
        yield "streaming"
    if images_of(body):
        yield "images"
    yield from (
        it for it in ("response_format", "tools", "temperature", "max_tokens") if it in body
    )


def _colour(url: str) -> str:
    """Of the first pixel of a PNG without filters."""
    file = base64.b64decode(url.partition(",")[2])
    start = file.index(b"IDAT") + 4
    length = int.from_bytes(file[start - 8 : start - 4], "big")
    return _COLOURS[zlib.decompress(file[start : start + length])[1:4]]
