"""An OpenAI-compatible endpoint on a real socket, whose answers a test writes out."""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from aiohttp import web
from typing_extensions import Self

from local_dss.faults import Answer, cut_after, events, hang, refusal, reset, respond
from local_dss.loop_thread import LoopThread

__all__ = [
    "USAGE_CHUNK",
    "Answer",
    "ScriptedEndpoint",
    "Seen",
    "completion",
    "cut_after",
    "events",
    "hang",
    "piece",
    "refusal",
    "reset",
    "respond",
]
USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
# The last one of a stream.
USAGE_CHUNK = {"choices": [], "usage": USAGE}


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it arrived; header names in lower case."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]


@dataclass
class ScriptedEndpoint:
    """`answers` are used in turn, the last one again and again; `llm_ids` is what GET models lists."""

    answers: list[Answer] = field(default_factory=lambda: [completion("fine")])
    llm_ids: list[str] = field(default_factory=lambda: ["llm"])
    tls: ssl.SSLContext | None = None
    calls: list[Seen] = field(default_factory=list)
    preflights: list[Seen] = field(default_factory=list)
    models_status: int = 200

    def __enter__(self) -> Self:
        self._thread = LoopThread("scripted-endpoint")
        self.port = self._thread.run(self._start())
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._thread.run(self._runner.cleanup())
        self._thread.close()

    @property
    def url(self) -> str:
        scheme = "https" if self.tls else "http"
        return f"{scheme}://localhost:{self.port}/projects/P/llms/openai/v1/"

    async def _start(self) -> int:
        app = web.Application()
        app.router.add_post("/{path:.*}/chat/completions", self._chat)
        app.router.add_get("/{path:.*}/models", self._models)
        app.router.add_get("/projects/P/llms", self._llms)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "localhost", 0, ssl_context=self.tls)
        await site.start()
        port: int = self._runner.addresses[0][1]
        return port

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        answer = self.answers[min(len(self.calls), len(self.answers) - 1)]
        self.calls.append(_seen(request, await request.json()))
        return await answer(request)

    async def _models(self, request: web.Request) -> web.Response:
        self.preflights.append(_seen(request, {}))
        listed = {"object": "list", "data": [{"id": it} for it in self.llm_ids]}
        return web.json_response(listed, status=self.models_status)

    async def _llms(self, request: web.Request) -> web.Response:
        purpose = request.query["purpose"]
        return web.json_response([{"id": it, "type": purpose} for it in self.llm_ids])


def completion(text: str | None, finish_reason: str = "stop", **changes: object) -> Answer:
    choice = {"index": 0, "finish_reason": finish_reason, "message": {"content": text}}
    return respond(json.dumps({"choices": [choice], "usage": USAGE, **changes}))


def piece(text: str | None, finish_reason: str | None = None) -> dict[str, object]:
    """A chunk of a stream."""
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish_reason}]}


def _seen(request: web.Request, body: dict[str, Any]) -> Seen:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Seen(request.path, headers, body)
