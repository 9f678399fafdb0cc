"""How a call to an LLM can go wrong, on the wire: answers to send instead of a completion."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def respond(
    text: str,
    *,
    status: int = 200,
    content_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(
            text=text, status=status, content_type=content_type, headers=dict(headers or {})
        )

    return answer


def refusal(status: int, message: str, error_type: str = "", **headers: str) -> Answer:
    """As DSS words it: a Java class and a message, no OpenAI envelope."""
    body = {"errorType": error_type, "message": message, "detailedMessage": message}
    return respond(json.dumps(body), status=status, headers=headers)


def cut_after(text: str) -> Answer:
    """Promises more than it sends, then resets the connection."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(text) + 100)})
        response.content_type = "application/json"
        await response.prepare(request)
        await response.write(text.encode())
        assert request.transport is not None
        request.transport.abort()
        return response

    return answer


def dripping(text: str, seconds: float) -> Answer:
    """Byte by byte: never silent, and done after `seconds`."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(text))})
        response.content_type = "application/json"
        await response.prepare(request)
        for letter in text:
            await response.write(letter.encode())
            await asyncio.sleep(seconds / len(text))
        return response

    return answer


async def reset(request: web.Request) -> web.StreamResponse:
    """No byte comes back."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def hang(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(60)
    raise AssertionError("nobody waits that long")


def gateway_page(status: int = 502) -> Answer:
    page = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
    return respond(page, status=status, content_type="text/html")


def rate_limited(**headers: str) -> Answer:
    """`headers` such as Retry_After."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return refusal(429, "Rate limit reached for this model", "RateLimitException", **named)


def quota_blocked(prompt: str) -> Answer:
    words = f"Cost quota of the project is exceeded; query was: {prompt}"
    return refusal(500, words, "com.dataiku.dip.exceptions.CodedIOException")


def guardrail(prompt: str) -> Answer:
    words = f"Query rejected by guardrail: toxicity found in {prompt}"
    return refusal(500, words, "com.dataiku.dip.exceptions.CodedIOException")


def too_long(prompt: str) -> Answer:
    words = f"This model's maximum context length is 8192 tokens. Prompt: {prompt}"
    return refusal(400, words, "java.lang.IllegalArgumentException")


def unexplained(prompt: str) -> Answer:
    """What DSS makes of a provider in trouble."""
    words = f"Failed to query the model with {prompt}"
    return refusal(500, words, "com.dataiku.dip.exceptions.CodedIOException")


def events(
    *chunks: object, done: bool = True, pause: float = 0.0, ends: str = "whole", name: str = ""
) -> Answer:
    """Server-sent events, `pause` seconds apart; the last one is called `name`.

    `ends`: "whole"; "cut", by a reset; or "open", when a whole stream is followed by silence.
    """

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for number, chunk in enumerate(chunks, 1):
            event = f"event: {name}\n" if name and number == len(chunks) else ""
            await response.write(f"{event}data: {json.dumps(chunk)}\n\n".encode())
            await asyncio.sleep(pause)
        if done:
            await response.write(b"data: [DONE]\n\n")
        if ends == "cut":
            assert request.transport is not None
            request.transport.abort()
        elif ends == "open":
            await asyncio.sleep(60)
        return response

    return answer


def kept_open_by_comments(*chunks: object) -> Answer:
    """Bytes go on coming, and none of them is a token."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for chunk in chunks:
            await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
        for _ in range(1_000):
            await response.write(b": still there\n\n")
            await asyncio.sleep(0.05)
        return response

    return answer
