"""An LLM that refuses parameters of a request is asked without them, on real sockets."""

import asyncio
import json

import pytest
from aiohttp import web

from asked_calls import PIECES, REQUEST, Ask, ask, on
from mesh_prompt_batch.adapters import mesh_calls
from mesh_prompt_batch.errors import RequestError
from scripted_endpoint import Answer, ScriptedEndpoint, completion, events, refusal

WANTS = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
NO_TEMPERATURE = "Unsupported value: 'temperature' does not support 0 with this model."


def particular(*, status: int, answer: Answer) -> Answer:
    """Takes no temperature, and another name for the limit."""

    async def answered(request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.text())
        if "temperature" in body:
            return await refusal(status, f"canary-7f3a: {NO_TEMPERATURE}")(request)
        if "max_tokens" in body:
            return await refusal(status, WANTS, "com.dataiku.dip.exceptions.CodedIOException")(
                request
            )
        return await answer(request)

    return answered


@pytest.mark.parametrize("status", [400, 500])
@pytest.mark.parametrize("stream", [True, False])
def test_an_llm_that_refuses_parameters_is_asked_without_them_from_then_on(
    endpoint: ScriptedEndpoint, status: int, stream: bool, caplog: pytest.LogCaptureFixture
) -> None:
    fine = events(*PIECES) if stream else completion("fine")
    endpoint.answers = [particular(status=status, answer=fine)]

    async def asking(call: Ask, _: mesh_calls.MeshCalls) -> int:
        found = await asyncio.gather(*(call(REQUEST) for _ in range(8)))
        assert [(it.text, it.attempts) for it in found] == [("fine", 1)] * 8
        before = len(endpoint.calls)
        await call(REQUEST)
        return len(endpoint.calls) - before

    assert on(endpoint, asking, stream=stream) == 1
    assert endpoint.calls[-1].body["max_completion_tokens"] == 5
    assert {"temperature", "max_tokens"} & endpoint.calls[-1].body.keys() == set()
    assert ("stream" in endpoint.calls[-1].body) is stream
    assert caplog.text.count("refuses 'temperature'") == 1
    assert caplog.text.count("takes 'max_completion_tokens'") == 1
    assert "canary" not in caplog.text


def test_an_llm_that_does_not_stream_is_asked_without(endpoint: ScriptedEndpoint) -> None:
    words = "Unsupported value: 'stream' does not support true with this model."
    endpoint.answers = [refusal(400, words), completion("fine")]
    assert ask(endpoint).text == "fine"
    assert {"stream", "stream_options"} & endpoint.calls[-1].body.keys() == set()


def test_where_nothing_helps_the_row_has_the_advice(endpoint: ScriptedEndpoint) -> None:
    neither = refusal(400, "Unsupported arguments: max_completion_tokens")
    endpoint.answers = [refusal(400, WANTS), neither]
    with pytest.raises(RequestError) as caught:
        ask(endpoint)
    assert caught.value.error_type == "bad_request"
    assert "'Max tokens'" in caught.value.provider_words
    assert caught.value.__suppress_context__
    assert len(endpoint.calls) == 2
