"""MeshClient outside Dataiku, on real sockets."""

import sys
from collections.abc import Iterator

import pytest

import mesh_prompt_batch
from mesh_prompt_batch import MeshClient, adapters
from mesh_prompt_batch.errors import (
    LongPauseError,
    RequestError,
    SettingsError,
    TransientError,
)
from scripted_endpoint import ScriptedEndpoint, completion, events, refusal

PIECES = [{"choices": [{"index": 0, "delta": {"content": it}}]} for it in ("Twice ", "", "told")]
END = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
USAGE = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}


@pytest.fixture
def client(endpoint: ScriptedEndpoint) -> Iterator[MeshClient]:
    with MeshClient(endpoint.url, "k1") as opened:
        yield opened


def test_a_completion_has_text_and_tokens(client: MeshClient, endpoint: ScriptedEndpoint) -> None:
    found = client.complete("llm", "Why?", system="Be brief.", max_tokens=5)
    assert (found.text, found.usage.completion_tokens, found.attempts) == ("fine", 3, 1)
    assert endpoint.calls[0].body == {
        "model": "llm",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Why?"},
        ],
        "max_tokens": 5,
    }


def test_a_transient_failure_is_tried_again(client: MeshClient, endpoint: ScriptedEndpoint) -> None:
    endpoint.answers = [refusal(503, "busy", **{"Retry-After": "0"}), completion("at last")]
    found = client.complete("llm", "Why?")
    assert (found.text, found.attempts, len(endpoint.calls)) == ("at last", 2, 2)


def test_a_pause_that_nobody_waits_for_is_an_error_of_the_call(
    client: MeshClient, endpoint: ScriptedEndpoint
) -> None:
    busy = refusal(429, "words of a provider", **{"Retry-After": "900"})
    endpoint.answers = [busy, busy]
    with pytest.raises(LongPauseError) as caught:
        client.complete("llm", "Why?")
    assert str(caught.value) == (
        "rate_limit (HTTP 429): the provider asks for a pause of 900 s, and no more than 600 s are waited for:"
        " ask again later."
    )
    found = (caught.value.error_type, caught.value.status, caught.value.retry_after)
    assert found == ("rate_limit", 429, 900.0)
    assert caught.value.provider_words == "words of a provider"
    with pytest.raises(TransientError) as streamed:
        list(client.stream("llm", "Why?"))
    assert (streamed.value.error_type, streamed.value.retry_after) == ("rate_limit", 900.0)
    assert len(endpoint.calls) == 2


def test_a_refused_request_is_not_tried_again(
    client: MeshClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.answers = [refusal(400, "no")]
    with pytest.raises(RequestError) as caught:
        client.complete("llm", "Why?")
    assert caught.value.provider_words == "no"
    assert len(endpoint.calls) == 1


def test_what_an_llm_refuses_is_left_out_from_then_on(
    client: MeshClient, endpoint: ScriptedEndpoint
) -> None:
    refused = refusal(400, "Unsupported value: 'temperature' does not support 0 with this model.")
    endpoint.answers = [refused, completion("fine"), events(*PIECES, END), completion("again")]
    assert client.complete("llm", "Why?", temperature=0, top_p=1).attempts == 1
    list(client.stream("llm", "Why?", temperature=0))
    client.complete("llm", "Why?", temperature=0)
    bodies = [call.body for call in endpoint.calls]
    assert ["temperature" in body for body in bodies] == [True, False, False, False]
    assert bodies[1]["top_p"] == 1


def test_a_stream_is_asked_again_without_what_is_refused(
    client: MeshClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.answers = [
        refusal(400, "Unsupported parameter: 'top_p'."),
        events(*PIECES, END),
        refusal(400, "Unsupported parameter: 'stop'."),
    ]
    assert list(client.stream("llm", "Why?", top_p=0.5)) == ["Twice ", "told"]
    with pytest.raises(RequestError) as caught:
        client.complete("llm", "Why?", stop=["."])
    assert "does not take 'Stop sequences' (stop)" in caught.value.provider_words


def test_a_stream_gives_its_pieces_then_the_whole(
    client: MeshClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.answers = [events(*PIECES, END, USAGE)]
    stream = client.stream("llm", "Tell me.")
    assert list(stream) == ["Twice ", "told"]
    assert stream.completion is not None
    assert stream.completion.text == "Twice told"
    assert stream.completion.usage.completion_tokens == 2
    assert endpoint.calls[0].body["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("done", [True, False])
def test_a_stream_without_an_end_is_no_success(
    client: MeshClient, endpoint: ScriptedEndpoint, done: bool
) -> None:
    endpoint.answers = [events(*PIECES, "noise", {"choices": ["noise"]}, done=done)]
    stream = client.stream("llm", "Tell me.")
    with pytest.raises(TransientError):
        list(stream)
    assert stream.completion is None


def test_an_error_in_mid_stream_is_an_error(client: MeshClient, endpoint: ScriptedEndpoint) -> None:
    endpoint.answers = [events(PIECES[0], {"error": {"message": "provider died"}})]
    with pytest.raises(TransientError):
        list(client.stream("llm", "Tell me."))


def test_llms_are_listed_by_purpose(client: MeshClient) -> None:
    assert client.list_llms("RERANKING") == [{"id": "llm", "type": "RERANKING"}]


def test_models_are_listed_where_the_endpoint_is_not_dss(endpoint: ScriptedEndpoint) -> None:
    with MeshClient(f"http://localhost:{endpoint.port}/v1", "k1") as plain:
        assert plain.list_llms() == [{"id": "llm"}]


def test_the_documented_address_is_made_of_url_and_project() -> None:
    with MeshClient("https://dss.example.com/", "k1", "SALES") as opened:
        expected = "https://dss.example.com/public/api/projects/SALES/llms/openai/v1/"
        assert str(opened.openai.base_url) == expected


def test_a_whole_address_is_taken_as_it_is(endpoint: ScriptedEndpoint) -> None:
    with MeshClient(endpoint.url, "k1", "SALES") as opened:
        assert str(opened.openai.base_url) == endpoint.url


def test_tutorial_code_works_unchanged(client: MeshClient, endpoint: ScriptedEndpoint) -> None:
    response = client.openai.chat.completions.create(
        model="llm", messages=[{"role": "user", "content": "Why?"}], temperature=0, max_tokens=500
    )
    assert response.choices[0].message.content == "fine"
    assert endpoint.calls[0].headers["authorization"] == "Bearer k1"


def test_outside_a_key_is_needed() -> None:
    with pytest.raises(SettingsError, match="api_key"):
        MeshClient("https://dss.example.com")


def test_outside_without_a_url_the_arguments_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dataiku", None)
    monkeypatch.delitem(sys.modules, "mesh_prompt_batch.adapters.dss", raising=False)
    monkeypatch.delattr(adapters, "dss", raising=False)
    with pytest.raises(SettingsError, match="url="):
        MeshClient()


def test_the_package_offers_nothing_else() -> None:
    assert mesh_prompt_batch.__all__ == ["MeshClient"]
    with pytest.raises(AttributeError):
        _ = mesh_prompt_batch.Mesh
