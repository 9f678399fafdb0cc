"""However little an answer is packed into, a run reads so much of it and no more; on real sockets."""

import asyncio
import gzip
import json
import tracemalloc
from collections.abc import Callable

import openai
import pytest
from aiohttp import web

from mesh_prompt_batch.adapters import http_hooks, mesh
from mesh_prompt_batch.completion import Completion, CompletionRequest
from mesh_prompt_batch.credentials import Accepted
from mesh_prompt_batch.endpoint import Endpoint
from mesh_prompt_batch.errors import RequestError
from scripted_endpoint import Answer, ScriptedEndpoint, completion, events, piece

REQUEST = CompletionRequest("llm", ({"role": "user", "content": "a"},), {})


def body(text: str) -> bytes:
    choice = {"index": 0, "finish_reason": "stop", "message": {"content": text}}
    return json.dumps({"choices": [choice]}).encode()


def sent(data: bytes, status: int = 200, packing: str | None = None) -> Answer:
    async def answer(_: web.Request) -> web.Response:
        headers = {"Content-Type": "application/json"}
        if packing is not None:
            headers["Content-Encoding"] = packing
        return web.Response(body=data, status=status, headers=headers)

    return answer


def in_chunks(data: bytes) -> Answer:
    """Of a length that is told nowhere."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        for at in range(0, len(data), 1 << 20):
            await response.write(data[at : at + (1 << 20)])
        return response

    return answer


def ask(endpoint: ScriptedEndpoint, request: CompletionRequest = REQUEST) -> Completion:
    async def asked() -> Completion:
        accepted = Accepted(Endpoint(endpoint.url, "key"), frozenset())
        connection = mesh.Connection(accepted, 30.0, 4)
        async with connection.client:
            return await connection.ask(request)

    return asyncio.run(asked())


LONG = body("x" * http_hooks.MOST_BYTES)


@pytest.mark.parametrize(
    "answer",
    [
        sent(gzip.compress(body("x" * 300_000_000), 1), packing="gzip"),
        sent(gzip.compress(LONG, 1), 500, packing="gzip"),
        sent(LONG),
        in_chunks(LONG),
    ],
    ids=["packed", "an error", "long", "in chunks"],
)
def test_an_answer_that_would_fill_memory_is_its_row_s_error_and_asked_no_second_time(
    endpoint: ScriptedEndpoint, answer: Answer
) -> None:
    endpoint.answers = [answer]
    tracemalloc.start()
    try:
        with pytest.raises(RequestError) as caught:
            ask(endpoint)
        assert tracemalloc.get_traced_memory()[1] < 5 * http_hooks.MOST_BYTES
    finally:
        tracemalloc.stop()
    assert caught.value.error_type == "server"
    assert caught.value.provider_words == "The answer is longer than 16 MiB and read no further."
    assert len(endpoint.calls) == 1


@pytest.mark.parametrize("pack", [sent, in_chunks])
def test_what_is_not_too_long_is_read_however_it_comes(
    endpoint: ScriptedEndpoint, pack: Callable[[bytes], Answer]
) -> None:
    text = "x" * 3_000_000
    endpoint.answers = [pack(body(text)), sent(gzip.compress(body(text)), packing="gzip")]
    assert [ask(endpoint).text, ask(endpoint).text] == [text, text]


def test_a_stream_has_bounds_of_its_own(
    endpoint: ScriptedEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_hooks, "MOST_BYTES", 100)
    endpoint.answers = [events(*[piece("x")] * 50, piece(None, "stop"))]
    streamed = CompletionRequest("llm", REQUEST.messages, {"stream": True})
    assert ask(endpoint, streamed).text == "x" * 50
    endpoint.answers = [completion("x" * 100)]
    with pytest.raises(RequestError):
        ask(endpoint)


def test_an_error_of_ours_is_the_same_where_the_client_takes_it_for_a_failed_connection() -> None:
    failed = openai.OpenAIError("Connection error.")
    with pytest.raises(RequestError, match="server"), mesh.translated_errors():
        raise failed from RequestError("server", "too long")
