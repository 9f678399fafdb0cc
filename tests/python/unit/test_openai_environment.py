"""What the environment holds for openai's own servers reaches no server of ours, whoever calls."""

import asyncio
import os
from collections.abc import Iterator, Mapping

import pytest

from mesh_prompt_batch import MeshClient
from mesh_prompt_batch.adapters import mesh, mesh_calls
from mesh_prompt_batch.completion import CompletionRequest
from mesh_prompt_batch.credentials import Accepted
from mesh_prompt_batch.endpoint import Endpoint
from scripted_endpoint import ScriptedEndpoint, completion

CANARY = "canary-ambient-52d1"
REQUEST = CompletionRequest("llm", ({"role": "user", "content": "hm"},), {})
NAMES = (
    *("Authorization", "X-DKU-APITicket", "OpenAI-Organization", "X-Team", "Content-Type"),
    *("Accept", "X-Stainless-OS", "X-Stainless-Lang"),
)
ENVIRONMENT = {
    "OPENAI_API_KEY": CANARY,
    "OPENAI_ADMIN_KEY": CANARY,
    "OPENAI_ORG_ID": CANARY,
    "OPENAI_PROJECT_ID": CANARY,
    "OPENAI_BASE_URL": f"http://127.0.0.1:9/{CANARY}/",
    "OPENAI_WEBHOOK_SECRET": CANARY,
}


@pytest.fixture
def running() -> Iterator[ScriptedEndpoint]:
    answer = completion("fine", id="1", object="chat.completion", created=1, model="llm")
    with ScriptedEndpoint([answer]) as endpoint:
        yield endpoint


def asked_by_a_run(endpoint: Endpoint) -> None:
    async def ask() -> None:
        accepted = Accepted(endpoint, frozenset({"llm"}))
        calls = mesh_calls.MeshCalls(lambda: accepted, timeout_seconds=20.0, max_connections=1)
        async with calls as call:
            await call(REQUEST)

    asyncio.run(ask())


def asked_by_others(endpoint: Endpoint) -> None:
    mesh.list_llm_ids(endpoint)
    with mesh.open_client(endpoint, 20.0) as client:
        mesh.ask(client, REQUEST)
        typed = client.with_options(timeout=10.0).chat.completions
        typed.create(model="llm", messages=[{"role": "user", "content": "hm"}])


def credential(headers: Mapping[str, str]) -> dict[str, str]:
    names = ("authorization", "x-dku-apiticket")
    return {name: headers[name] for name in names if name in headers}


@pytest.mark.parametrize("spelled", [str, str.lower])
@pytest.mark.parametrize("with_key", [True, False])
def test_a_call_sends_its_own_credential_and_nothing_of_the_environment(
    running: ScriptedEndpoint,
    monkeypatch: pytest.MonkeyPatch,
    with_key: bool,
    spelled: type[str],
) -> None:
    lines = [f"{spelled(name)}: {CANARY}" for name in NAMES]
    variables = {**ENVIRONMENT, "OPENAI_CUSTOM_HEADERS": "\n".join(["no header", *lines])}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    endpoint = Endpoint(running.url, "a ticket", {"X-DKU-APITicket": "t1"})
    expected = {"x-dku-apiticket": "t1"}
    if with_key:
        endpoint = Endpoint(running.url, "a key", api_key="k1")
        expected = {"authorization": "Bearer k1"}
    asked_by_a_run(endpoint)
    asked_by_others(endpoint)
    seen = [*running.calls, *running.preflights]
    assert len(seen) == 4
    assert [credential(it.headers) for it in seen] == [expected] * 4
    assert not [it for it in seen if CANARY in f"{it.headers}"]
    assert {it.headers["content-type"] for it in running.calls} == {"application/json"}


def test_a_client_of_a_notebook_keeps_to_its_key(
    running: ScriptedEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"authorization: Bearer {CANARY}")
    with MeshClient(running.url, "k1") as client:
        assert client.complete("llm", "hello").text == "fine"
        client.openai.get("/models", cast_to=object)
        assert client.openai.admin_api_key != CANARY
    seen = [*running.calls, *running.preflights]
    assert [it.headers["authorization"] for it in seen] == ["Bearer k1"] * 2
    assert not [it for it in seen if CANARY in f"{it.headers}"]
    assert os.environ["OPENAI_ADMIN_KEY"] == CANARY
