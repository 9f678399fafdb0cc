"""The HTTP side of the local DSS, on two real ports: the backend's, which jobs see, and the one of browsers."""

import asyncio
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import aiohttp
from aiohttp import web
from typing_extensions import Self

from local_dss.faults import Answer, events
from local_dss.folder_api import FolderApi
from local_dss.gate import Gate
from local_dss.instance import Instance
from local_dss.instance_api import add_routes
from local_dss.llms import (
    LLMS,
    Manners,
    Turns,
    argument_error,
    chunks,
    completion_body,
    rule_answer,
    schema_answer,
    user_text,
)
from local_dss.loop_thread import LoopThread
from local_dss.message_parts import images_of
from local_dss.project_api import ProjectApi
from local_dss.refusals import illegal, not_found, refused
from local_dss.user_api import UserApi

# Called with the question, which call for that question this is (from 1), and which call of all.
Fault = Callable[[str, int, int], Answer | None]


def no_fault(_question: str, _time: int, _call: int) -> Answer | None:
    return None


@dataclass(frozen=True, slots=True)
class Upstream:
    """An OpenAI-compatible endpoint that answers in earnest."""

    base_url: str
    api_key: str
    model: str


@dataclass(frozen=True, slots=True)
class Call:
    """A chat completion as it was asked for; header names in lower case, `moment` as `time.monotonic()` has it."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    moment: float


@dataclass(frozen=True, slots=True)
class Answered:
    """A completion that was sent, and when."""

    question: str
    moment: float


@dataclass
class MeshServer:
    """`backend` is the address a job knows, `front` the one of browsers.

    instance: takes the place of `project` where all is made through the API. manners: what an LLM asks of its
    requests, by LLM id. usage_missing_every: every so many answers have no `usage`; 0: all have it.
    refuses_unsupported: arguments outside DSS's list end in 400, or are ignored. response_format: that one alone
    is "refused" or "ignored" likewise, or "honoured". refuses_images: whether images on this route end in 400.
    unlisted: LLM ids that work though they are not listed. fault_of: what an LLM always answers, by its id.
    backend_serves_mesh: whether the OpenAI-compatible route is on the backend's port too.
    """

    gate: Gate = field(default_factory=Gate)
    project: ProjectApi = field(default_factory=ProjectApi)
    instance: Instance | None = None
    llms: Sequence[Mapping[str, object]] = LLMS
    upstream: Upstream | None = None
    fault: Fault = no_fault
    fault_of: Mapping[str, Answer] = field(default_factory=dict)
    answer: Callable[[str], str] = rule_answer
    manners: Mapping[str, Manners] = field(default_factory=dict)
    delay_seconds: float = 0.0
    usage_missing_every: int = 0
    refuses_unsupported: bool = True
    response_format: str = "refused"
    refuses_images: bool = False
    unlisted: Sequence[str] = ()
    unknown_llm_words: str = "LLM not found: {llm_id}; query was {question}"
    backend_serves_mesh: bool = True
    tls: ssl.SSLContext | None = None
    calls: list[Call] = field(default_factory=list)
    answered: list[Answered] = field(default_factory=list)
    turns: Turns = field(default_factory=Turns)

    def __post_init__(self) -> None:
        self.user = UserApi(self.gate)
        self.folders = FolderApi((self.instance or self.project).managed_folder)
        self._called = threading.Condition()

    def __enter__(self) -> Self:
        self._thread = LoopThread("local-dss")
        self._thread.run(self._start())
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.instance:
            self.instance.stop()
        self._thread.run(self._stop())
        self._thread.close()

    def wait_for_calls(self, number: int, timeout: float = 60.0) -> None:
        """Until so many chat completions were asked for. Raises TimeoutError."""
        with self._called:
            if not self._called.wait_for(lambda: len(self.calls) >= number, timeout):
                raise TimeoutError(f"{len(self.calls)} calls came, not {number}")

    def restart(self, seconds: float) -> None:
        """Cut every connection, be away for so long, and come back on the same ports."""
        self._thread.run(self._restart(seconds))

    @property
    def llm_ids(self) -> list[str]:
        return [str(it["id"]) for it in self.llms]

    async def _start(self) -> None:
        self._session = aiohttp.ClientSession()
        self._runners: list[web.AppRunner] = []
        await self._open(0, 0)

    async def _open(self, backend: int, front: int) -> None:
        # Only nginx knows /public/api: a job that builds that address from its own host finds nothing.
        roots = ("/dip/publicapi", "/public/api")
        self.backend = await self._listen(backend, roots[0], mesh=self.backend_serves_mesh)
        self.front = await self._listen(front, *roots)
        if self.instance:
            self.instance.host, self.instance.front = self.backend, self.front

    async def _stop(self) -> None:
        await self._close()
        await self._session.close()

    async def _close(self) -> None:
        while self._runners:
            await self._runners.pop().cleanup()

    async def _restart(self, seconds: float) -> None:
        await self._close()
        await asyncio.sleep(seconds)
        await self._open(*(int(it.rpartition(":")[2]) for it in (self.backend, self.front)))

    async def _listen(self, port: int, *roots: str, mesh: bool = True) -> str:
        app = web.Application(client_max_size=1 << 30)
        for root in roots:
            self._add_routes(app, root)
            if mesh:
                self._add_mesh(app, f"{root}/projects/{{project}}/llms/openai/v1")
        app.router.add_route("*", "/{path:.*}", _no_route)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        self._runners.append(runner)
        await web.TCPSite(runner, "localhost", port, ssl_context=self.tls).start()
        return f"{'https' if self.tls else 'http'}://localhost:{runner.addresses[0][1]}"

    def _add_routes(self, app: web.Application, root: str) -> None:
        app.router.add_get(f"{root}/projects/{{project}}/llms", self._list)
        self.user.add_routes(app, root)
        self.folders.add_routes(app, root)
        if self.instance:
            add_routes(self.instance, app, root, self.gate)
        else:
            self.project.add_routes(app, root, self.gate)

    def _add_mesh(self, app: web.Application, root: str) -> None:
        app.router.add_get(f"{root}/models", self._models)
        app.router.add_post(f"{root}/chat/completions", self._chat)

    async def _list(self, request: web.Request) -> web.Response:
        self.gate.check(request)
        purpose = request.query.get("purpose", "GENERIC_COMPLETION")
        served = [it for it in self.llms if purpose in it["purposes"]]  # type: ignore[operator]  # a list
        shown = [{key: it[key] for key in it if key != "purposes"} for it in served]
        return web.json_response(shown)

    async def _models(self, request: web.Request) -> web.Response:
        self.gate.check(request, mesh=True)
        listed = [{"id": it, "object": "model"} for it in self.llm_ids]
        return web.json_response({"object": "list", "data": listed})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        self.gate.check(request, mesh=True)
        body = await request.json()
        headers = {name.lower(): value for name, value in request.headers.items()}
        with self._called:
            self.calls.append(Call(request.path, headers, body, time.monotonic()))
            self._called.notify_all()
        async with self.turns:
            return await self._answered(request, body)

    def _wrong(self, body: dict[str, Any], manners: Manners) -> str | None:
        """Why the request is no request to DSS."""
        known = [manners.limit_name, *["response_format"] * (self.response_format != "refused")]
        wrong = argument_error(body, known) if self.refuses_unsupported else None
        if not wrong and self.refuses_images and images_of(body):
            return "Images are not supported on this route"
        return wrong

    def _check(self, body: dict[str, Any]) -> None:
        """Raises the HTTP error that DSS would answer with."""
        manners = self.manners.get(body["model"], Manners())
        if wrong := self._wrong(body, manners):
            raise illegal(wrong)
        if body["model"] not in (*self.llm_ids, *self.unlisted):
            words = self.unknown_llm_words.format(llm_id=body["model"], question=user_text(body))
            raise refused(500, "com.dataiku.dip.exceptions.CodedIOException", words)
        ill = manners.refusal(body)
        if ill:
            raise refused(manners.status, "com.dataiku.dip.exceptions.CodedIOException", ill)

    async def _answered(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        self._check(body)
        question = user_text(body)
        call, nth = self.turns.next(question)
        fault = self.fault_of.get(body["model"]) or self.fault(question, nth, call)
        if fault is not None:
            return await fault(request)
        if self.response_format != "honoured":
            body = {name: body[name] for name in body if name != "response_format"}
        await asyncio.sleep(self.delay_seconds)
        if self.upstream is not None:
            try:
                return await self._proxied(request, body, self.upstream)
            except aiohttp.ClientError as error:
                words = f"The model's endpoint failed: {type(error).__name__}"
                raise refused(500, "java.io.IOException", words) from None
        self.answered.append(Answered(question, time.monotonic()))
        with_usage = not self.usage_missing_every or call % self.usage_missing_every != 0
        if body.get("stream"):
            pieces = chunks(body, self._text(body, question), with_usage=with_usage)
            return await events(*pieces)(request)
        answer = completion_body(body, self._text(body, question), with_usage=with_usage)
        return web.json_response(answer)

    def _text(self, body: dict[str, Any], question: str) -> str:
        text = self.answer(question)
        return schema_answer(body, text) if "response_format" in body else text

    async def _proxied(
        self, request: web.Request, body: dict[str, Any], upstream: Upstream
    ) -> web.StreamResponse:
        asked = self._session.post(
            f"{upstream.base_url.rstrip('/')}/chat/completions",
            json={**body, "model": upstream.model},
            headers={"Authorization": f"Bearer {upstream.api_key}"},
        )
        async with asked as answer:
            if not body.get("stream"):
                return _as_dss(await answer.json(), answer.status)
            response = web.StreamResponse(status=answer.status)
            response.content_type = answer.content_type
            await response.prepare(request)
            async for block in answer.content.iter_any():
                await response.write(block)
            return response


def _as_dss(body: dict[str, object], status: int) -> web.Response:
    """Without what DSS does not pass on."""
    kept = {key: body[key] for key in body if key not in ("created", "system_fingerprint")}
    return web.json_response(kept, status=status)


async def _no_route(request: web.Request) -> web.StreamResponse:
    raise not_found(f"route {request.path}")
