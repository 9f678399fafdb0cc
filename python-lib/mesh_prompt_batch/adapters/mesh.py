"""The only door to the LLM Mesh: the openai client, set up for it, and its errors in our words."""

import asyncio
import logging
import os
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

import openai
from openai import OpenAI, RequestOptions

from mesh_prompt_batch.adapters.http_hooks import bound_body, drop_authorization
from mesh_prompt_batch.adapters.stream_bytes import LATE, async_blocks_of, blocks_of, read_to_end
from mesh_prompt_batch.answer import completion_from
from mesh_prompt_batch.completion import Completion, CompletionRequest
from mesh_prompt_batch.connection import (
    is_certificate_error,
    is_late,
    is_refused_or_cut,
    trust,
)
from mesh_prompt_batch.credentials import Accepted
from mesh_prompt_batch.endpoint import Endpoint
from mesh_prompt_batch.errors import EndpointError, LlmError, RequestError, TransientError
from mesh_prompt_batch.llm_checks import Calls
from mesh_prompt_batch.patience import while_alive, within
from mesh_prompt_batch.refusals import Refusal, call_error
from mesh_prompt_batch.retry import retry_after
from mesh_prompt_batch.streaming import CUT_OR_INVALID, StreamedAnswer, TextStream

logger = logging.getLogger(__name__)

Client: TypeAlias = OpenAI

# At DEBUG these libraries log request bodies, so prompts: whatever level DSS gives its root logger, they are quiet.
for _name in ("openai", "httpx2", "httpcore2", "aiohttp"):
    logging.getLogger(_name).setLevel(logging.WARNING)
# Images make large bodies, which the client hands over whole.
warnings.filterwarnings("ignore", "Sending a large body directly", ResourceWarning)

PREFLIGHT_TIMEOUT_SECONDS = 30.0
PROBE_TIMEOUT_SECONDS = 120.0
# Of a stream, `timeout_seconds` bounds the silence, and so many times of it the whole.
WHOLE_STREAM = 10.0
STREAMED: Mapping[str, object] = {"stream": True, "stream_options": {"include_usage": True}}
# The client wants a key at construction even where a ticket is what counts.
_NO_KEY = "unused"
# retry.py is the only retry layer.
_ONE_ATTEMPT: RequestOptions = {"max_retries": 0}
# What the client takes from the environment, by OPENAI_ORG_ID and OPENAI_PROJECT_ID.
_OF_OPENAI_ACCOUNTS = ("OpenAI-Organization", "OpenAI-Project")
_OF_JSON = ("accept", "content-type")
# What openai tells its own servers of this machine: a fifth of the client's work for a call, no concern of a gateway.
_TELLING_OPENAI = (
    *("X-Stainless-Lang", "X-Stainless-Package-Version", "X-Stainless-OS", "X-Stainless-Arch"),
    *("X-Stainless-Runtime", "X-Stainless-Runtime-Version", "X-Stainless-Async"),
    *("x-stainless-retry-count", "x-stainless-read-timeout"),
)


def open_client(endpoint: Endpoint, timeout_seconds: float) -> OpenAI:
    """A client for one endpoint, with openai's own retries; its owner closes it.

    With a ticket, `Authorization` is taken off every request: DSS reads one credential, not two.
    """
    http_client = openai.DefaultHttpxClient(
        verify=trust(endpoint.verify),
        trust_env=endpoint.use_environment_proxies,
        event_hooks={} if endpoint.api_key else {"request": [drop_authorization]},
    )
    return OpenAI(
        base_url=endpoint.base_url,
        api_key=endpoint.api_key or _NO_KEY,
        # Not the environment's.
        admin_api_key="",
        default_headers=_headers(endpoint),
        http_client=http_client,
        timeout=timeout_seconds,
    )


def list_llm_ids(endpoint: Endpoint) -> frozenset[str]:
    """What `GET models` lists. Raises CallError, or EndpointError for a certificate that is not trusted."""
    with open_client(endpoint, PREFLIGHT_TIMEOUT_SECONDS) as client, translated_errors():
        body = client.get("/models", cast_to=object, options=_ONE_ATTEMPT)
    listed = body.get("data") if isinstance(body, Mapping) else None
    if not isinstance(listed, list):
        # A login page or a proxy's greeting, not the API.
        raise LlmError("not_found", "", status=404)
    return frozenset(str(it.get("id")) for it in listed if isinstance(it, Mapping))


def ask(client: OpenAI, request: CompletionRequest) -> Completion:
    """One call, without retries. Raises CallError, or EndpointError for a certificate that is not trusted."""
    started = time.monotonic()
    body = _posted(client, request)
    return completion_from(body, request.llm_id, time.monotonic() - started)


def list_llms(client: OpenAI, purpose: str) -> list[dict[str, object]]:
    """What DSS lists for a purpose, or the models of an endpoint that is not DSS; only `id` is always there."""
    url = str(client.base_url)
    project_route = url.removesuffix("openai/v1/")
    with translated_errors():
        if project_route == url:
            body = client.get("/models", cast_to=object)
            return _objects(body.get("data") if isinstance(body, Mapping) else None)
        query: RequestOptions = {"params": {"purpose": purpose}}
        return _objects(client.get(project_route.rstrip("/"), cast_to=object, options=query))


@contextmanager
def open_calls(endpoint: Endpoint) -> Iterator[Calls]:
    """Single calls, without retries; threads may share them."""
    with open_client(endpoint, PROBE_TIMEOUT_SECONDS) as client:
        yield Calls(
            lambda request: _posted(client, request),
            lambda request: _streamed(client, request),
        )


def _posted(client: OpenAI, request: CompletionRequest) -> object:
    with translated_errors(request):
        return client.post(
            "/chat/completions", body=request.body(), cast_to=object, options=_ONE_ATTEMPT
        )


def _streamed(client: OpenAI, request: CompletionRequest) -> tuple[Completion | None, int]:
    stream = TextStream(lambda: stream_blocks(client, request), request)
    pieces = sum(1 for _ in stream)
    return stream.completion, pieces


def stream_blocks(client: OpenAI, request: CompletionRequest) -> Iterator[bytes]:
    """A streamed answer as its bytes come. Raises as `ask` does."""
    body = {**request.body(), **STREAMED}
    with (
        translated_errors(request),
        client.post(
            "/chat/completions",
            body=body,
            cast_to=object,
            options=_ONE_ATTEMPT,
            stream=True,
            stream_cls=openai.Stream[object],
        ) as stream,
    ):
        yield from blocks_of(stream.response)


def _objects(found: object) -> list[dict[str, object]]:
    return [dict(it) for it in found if isinstance(it, Mapping)] if isinstance(found, list) else []


class Connection:
    """An async client for one endpoint: to be made on the event loop that uses it."""

    def __init__(self, accepted: Accepted, timeout_seconds: float, max_connections: int) -> None:
        endpoint = accepted.endpoint
        self._timeout = timeout_seconds
        # Of a stream the silence is bounded elsewhere, and better: bytes that keep a connection open are no tokens.
        self._stream_timeout = openai.Timeout(timeout_seconds, read=WHOLE_STREAM * timeout_seconds)
        left_out = _TELLING_OPENAI if endpoint.api_key else (*_TELLING_OPENAI, "Authorization")
        # Whatever is not given here, the client copies anew from its defaults at each call.
        self._options: RequestOptions = {
            "headers": dict.fromkeys(left_out, openai.Omit()),
            "timeout": timeout_seconds,
            "params": {},
            **_ONE_ATTEMPT,
        }
        # Whole: the client reads and copies a URL once more where it has to join one.
        self._url = f"{endpoint.base_url.rstrip('/')}/chat/completions"
        self.client = openai.AsyncOpenAI(
            base_url=endpoint.base_url,
            api_key=endpoint.api_key or _NO_KEY,
            default_headers=_headers(endpoint),
            http_client=_async_http_client(endpoint, max_connections),
        )

    async def ask(self, request: CompletionRequest) -> Completion:
        """One call, streamed where its parameters say so. Raises as `ask` does."""
        if request.parameters.get("stream"):
            return await self._ask_streamed(request)
        started = time.monotonic()
        with translated_errors(request):
            # `post` skips the typed layer, which costs more than the transport; see bench/README.md.
            body = await within(
                self._timeout,
                self.client.post(
                    self._url, body=request.body(), cast_to=object, options=self._options
                ),
            )
        return completion_from(body, request.llm_id, time.monotonic() - started)

    async def _ask_streamed(self, request: CompletionRequest) -> Completion:
        answer = StreamedAnswer(request, asyncio.get_running_loop().time)
        try:
            with translated_errors(request):
                await while_alive(
                    self._receive(request, answer),
                    lambda: answer.last_sign,
                    silence=self._timeout,
                    whole=WHOLE_STREAM * self._timeout,
                )
        except TransientError:
            # What fails when the answer is whole costs nothing but the connection.
            if not answer.is_whole:
                raise
        return answer.completion()

    async def _receive(self, request: CompletionRequest, answer: StreamedAnswer) -> None:
        stream = await self.client.post(
            self._url,
            body=request.body(),
            cast_to=object,
            options={**self._options, "timeout": self._stream_timeout},
            stream=True,
            stream_cls=openai.AsyncStream[object],
        )
        async with stream:
            # The client's own reading of events takes three times the CPU time of ours.
            blocks = async_blocks_of(stream.response)
            async for block in blocks:
                for _ in answer.add(block):
                    pass
                if answer.is_ended:
                    await read_to_end(blocks)
                    return


@contextmanager
def translated_errors(request: CompletionRequest | None = None) -> Iterator[None]:
    """Foreign errors in our words, without their cause: it quotes the provider, who quotes the prompt."""
    try:
        yield
    except (openai.OpenAIError, asyncio.TimeoutError, ValueError, RecursionError) as error:
        # Some versions of openai take what our own hook raises for a failed connection.
        if isinstance(error.__cause__, RequestError):
            raise error.__cause__ from None
        raise _translated(error, request) from None


def _translated(error: Exception, request: CompletionRequest | None) -> Exception:
    if isinstance(error, openai.APIStatusError):
        wait = retry_after(error.response.headers)
        return call_error(Refusal(error.status_code, error.body, wait), request)
    if is_certificate_error(error):
        return EndpointError(
            "The certificate of the LLM Mesh's address is not trusted: an admin can name the PEM file of your"
            " certificate authority as 'CA certificates file' in the plugin's settings."
        )
    if is_late(error) and not is_refused_or_cut(error):
        return TransientError("timeout", LATE)
    if isinstance(error, openai.APIConnectionError):
        return TransientError("connection", "The connection failed or was cut.")
    if isinstance(error, (ValueError, RecursionError)):
        return TransientError("connection", CUT_OR_INVALID)
    return TransientError("server", "The client could not read the answer.")


def _async_http_client(
    endpoint: Endpoint, max_connections: int
) -> "openai.DefaultAsyncHttpxClient":
    limits = type(openai.DEFAULT_CONNECTION_LIMITS)(
        max_connections=max_connections, max_keepalive_connections=max_connections
    )
    options: dict[str, Any] = {
        "verify": trust(endpoint.verify),
        "trust_env": endpoint.use_environment_proxies,
        "limits": limits,
        "event_hooks": {"response": [bound_body]},
    }
    try:
        return openai.DefaultAioHttpClient(**options)
    except RuntimeError:
        logger.warning(
            "aiohttp is not installed: calls cost twice the CPU time on the default transport."
        )
        return openai.DefaultAsyncHttpxClient(**options)


def _headers(endpoint: Endpoint) -> Mapping[str, Any]:
    """The endpoint's, and none that the environment holds for openai's own servers: one may be a credential."""
    lines = os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
    ambient = [line.partition(":")[0].strip() for line in lines if ":" in line]
    headers: dict[str, Any] = dict.fromkeys((*_OF_OPENAI_ACCOUNTS, *ambient), openai.Omit())
    # Each by one spelling, and what is left out later by the usual one: to some versions of openai two are two headers.
    for name in ambient:
        if name.lower() in _OF_JSON:
            headers |= {name.title(): openai.Omit(), name: "application/json"}
        elif name.lower() == "authorization":
            headers["Authorization"] = f"Bearer {endpoint.api_key or _NO_KEY}"
    return {**headers, **endpoint.headers}
