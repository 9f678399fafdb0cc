"""Calls as a run makes them, to a scripted endpoint."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from mesh_prompt_batch.adapters import mesh_calls
from mesh_prompt_batch.completion import Completion, CompletionRequest
from mesh_prompt_batch.credentials import Accepted
from mesh_prompt_batch.endpoint import Endpoint
from scripted_endpoint import USAGE_CHUNK, ScriptedEndpoint, piece

REQUEST = CompletionRequest(
    "llm", ({"role": "user", "content": "canary-7f3a"},), {"temperature": 0.0, "max_tokens": 5}
)
# `completion("fine")` as a stream.
PIECES = [piece("fi"), piece("ne"), piece(None, "stop"), USAGE_CHUNK]
Ask = Callable[[CompletionRequest], Awaitable[Completion]]


def on(
    running: ScriptedEndpoint,
    asking: Callable[[Ask, mesh_calls.MeshCalls], Awaitable[Any]],
    *,
    timeout: float = 20.0,
    stream: bool = True,
    connections: int = 16,
) -> Any:
    accepted = Accepted(Endpoint(running.url, "a key", api_key="k1"), frozenset({"llm"}))

    async def main() -> Any:
        calls = mesh_calls.MeshCalls(
            lambda: accepted, timeout_seconds=timeout, max_connections=connections, stream=stream
        )
        async with calls as call:
            return await asking(call, calls)

    return asyncio.run(main())


def ask(running: ScriptedEndpoint, timeout: float = 20.0, stream: bool = True) -> Completion:
    found: Completion = on(running, lambda call, _: call(REQUEST), timeout=timeout, stream=stream)
    return found
