"""adapters/mesh_calls on real sockets: streams."""

import asyncio
import threading
import time
from typing import Any

import pytest
from aiohttp import web

from asked_calls import PIECES, REQUEST, Ask, ask, on
from local_dss import faults
from mesh_prompt_batch.adapters import mesh, mesh_calls
from mesh_prompt_batch.adapters.mesh import Connection
from mesh_prompt_batch.errors import CallError, RequestError, TransientError
from scripted_endpoint import Answer, ScriptedEndpoint, completion, events, piece, refusal, respond


@pytest.fixture
def endpoint(endpoint: ScriptedEndpoint) -> ScriptedEndpoint:
    endpoint.answers = [events(*PIECES)]
    return endpoint


def connections_in_use(calls: mesh_calls.MeshCalls) -> tuple[int, int]:
    """Busy, and kept for the next call."""
    connection: Connection = calls._connections[-1]
    transport: Any = connection.client._client._transport
    connector = transport.client.connector
    return len(connector._acquired), sum(len(it) for it in connector._conns.values())


def test_a_streamed_answer_equals_one_that_is_not(endpoint: ScriptedEndpoint) -> None:
    streamed = ask(endpoint)
    assert endpoint.calls[0].body["stream"] is True
    assert endpoint.calls[0].body["stream_options"] == {"include_usage": True}
    endpoint.answers = [completion("fine")]
    plain = ask(endpoint, stream=False)
    assert (streamed.text, streamed.finish_reason) == (plain.text, plain.finish_reason)
    assert streamed.usage == plain.usage
    assert streamed.raw["usage"] == plain.raw["usage"]
    assert plain.time_to_first_token_seconds is None
    assert streamed.time_to_first_token_seconds is not None
    assert 0 < streamed.time_to_first_token_seconds <= streamed.latency_seconds


def test_a_stream_may_take_longer_than_the_timeout_as_long_as_it_goes_on(
    endpoint: ScriptedEndpoint,
) -> None:
    words = [piece(f"{n} ") for n in range(6)]
    endpoint.answers = [events(*words, piece(None, "stop"), pause=0.25)]
    found = ask(endpoint, timeout=1.2)
    assert found.text == "0 1 2 3 4 5 "
    assert found.latency_seconds > 1.2


STALLS: dict[str, Answer] = {
    "no byte": faults.hang,
    "no token": events(ends="open", done=False),
    "after a token": events(piece("fi"), ends="open", done=False),
    "comments alone": faults.kept_open_by_comments(piece("fi")),
    "empty chunks": events(*[piece("")] * 40, pause=0.05),
}


@pytest.mark.parametrize("case", STALLS)
def test_silence_between_tokens_is_a_timeout(endpoint: ScriptedEndpoint, case: str) -> None:
    endpoint.answers = [STALLS[case]]
    started = time.monotonic()

    async def asking(call: Ask, calls: mesh_calls.MeshCalls) -> tuple[int, int]:
        with pytest.raises(TransientError) as caught:
            await call(REQUEST)
        assert caught.value.error_type == "timeout"
        return connections_in_use(calls)

    assert on(endpoint, asking, timeout=0.3) == (0, 0)
    assert time.monotonic() - started < 10


def test_a_drip_that_never_ends_is_given_up_after_ten_timeouts(
    endpoint: ScriptedEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mesh.WHOLE_STREAM == 10
    # Two are waited for here, so that a busy machine's own pauses are no silence.
    monkeypatch.setattr(mesh, "WHOLE_STREAM", 2)
    endpoint.answers = [events(*[piece("x")] * 1000, pause=0.02)]
    started = time.monotonic()
    with pytest.raises(TransientError) as caught:
        ask(endpoint, timeout=1.0)
    assert caught.value.error_type == "timeout"
    assert 1.9 < time.monotonic() - started < 10


FAILURES: dict[str, tuple[Answer, type[CallError], str]] = {
    "reset": (events(piece("fi"), done=False, ends="cut"), TransientError, "connection"),
    "reset at once": (faults.reset, TransientError, "connection"),
    "no end": (events(piece("fi"), done=False), TransientError, "connection"),
    "DONE alone": (events(piece("fi")), TransientError, "connection"),
    "nothing": (events(), TransientError, "connection"),
    "an error": (events(piece("fi"), {"error": {"message": "died"}}), TransientError, "server"),
    "a guardrail": (
        events(piece("fi"), {"errorMessage": "Blocked by guardrail"}, name="error-chunk"),
        RequestError,
        "guardrail",
    ),
    "429": (refusal(429, "slow down"), TransientError, "rate_limit"),
    "a page": (respond("<html>", content_type="text/html"), TransientError, "server"),
    "null, cut": (events(piece(None, "length")), RequestError, "truncated"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_every_failure_of_a_stream_has_its_name_and_leaves_no_connection_busy(
    endpoint: ScriptedEndpoint, case: str
) -> None:
    answer, error_type, name = FAILURES[case]
    endpoint.answers = [answer]

    async def asking(call: Ask, calls: mesh_calls.MeshCalls) -> int:
        with pytest.raises(error_type) as caught:
            await call(REQUEST)
        assert (caught.value.error_type, "canary" in str(caught.value)) == (name, False)
        assert caught.value.__suppress_context__ or caught.value.__context__ is None
        return connections_in_use(calls)[0]

    assert on(endpoint, asking) == 0


WHOLE: dict[str, Answer] = {
    "without DONE": events(*PIECES, done=False),
    "cut after the finish": events(*PIECES, done=False, ends="cut"),
    "open after the finish": events(*PIECES, done=False, ends="open"),
    "open after DONE": events(*PIECES, ends="open"),
    "not streamed": completion("fine"),
}


@pytest.mark.parametrize("case", WHOLE)
def test_what_goes_wrong_after_the_answer_is_whole_does_not_matter(
    endpoint: ScriptedEndpoint, case: str
) -> None:
    endpoint.answers = [WHOLE[case]]
    found = ask(endpoint, timeout=1.5)
    assert (found.text, found.usage.completion_tokens) == ("fine", 3)
    assert found.latency_seconds < 10


def test_connections_are_used_again(endpoint: ScriptedEndpoint) -> None:
    async def asking(call: Ask, calls: mesh_calls.MeshCalls) -> tuple[int, int]:
        for _ in range(5):
            await call(REQUEST)
        return connections_in_use(calls)

    assert on(endpoint, asking) == (0, 1)


def test_rows_that_are_cancelled_in_mid_stream_give_their_connections_back(
    endpoint: ScriptedEndpoint,
) -> None:
    in_mid_stream = threading.Semaphore(0)

    async def stalled(request: web.Request) -> web.StreamResponse:
        in_mid_stream.release()
        return await events(piece("fi"), ends="open", done=False)(request)

    endpoint.answers = [stalled]

    async def asking(call: Ask, calls: mesh_calls.MeshCalls) -> None:
        tasks = [asyncio.ensure_future(call(REQUEST)) for _ in range(4)]
        for _ in tasks:
            await asyncio.to_thread(in_mid_stream.acquire)
        assert connections_in_use(calls) == (4, 0)
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(it, asyncio.CancelledError) for it in ended)
        assert connections_in_use(calls) == (0, 0)
        endpoint.answers = [events(*PIECES)]
        found = await asyncio.gather(*(call(REQUEST) for _ in range(8)))
        assert [it.text for it in found] == ["fine"] * 8

    on(endpoint, asking, connections=4)


@pytest.mark.usefixtures("no_aiohttp")
def test_the_default_transport_streams_as_well(endpoint: ScriptedEndpoint) -> None:
    assert ask(endpoint).text == "fine"
    for case in ("reset", "an error", "no end"):
        endpoint.answers = [FAILURES[case][0]]
        with pytest.raises(TransientError) as caught:
            ask(endpoint)
        assert caught.value.error_type == FAILURES[case][2]
    endpoint.answers = [STALLS["after a token"]]
    with pytest.raises(TransientError, match="timeout"):
        ask(endpoint, timeout=0.3)
