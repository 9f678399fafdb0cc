"""The stand-in's Mesh answers and refuses as DSS does."""

import pytest
import requests

from local_dss.mesh_server import MeshServer

GOOD = {"Authorization": "Bearer dku-personal-key"}
TICKET = {"X-DKU-APITicket": "ticket-of-the-job"}
BODY = {"model": "openai:demo:small-model", "messages": [{"role": "user", "content": "hi"}]}


def picture(url: str) -> dict[str, object]:
    return {"type": "image_url", "image_url": {"url": url}}


def with_parts(*parts: dict[str, object]) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": list(parts)}]}


PICTURE = picture("data:image/png;base64,AAAA")
CHAT = "projects/DEMO/llms/openai/v1/chat/completions"


@pytest.mark.parametrize(
    ("headers", "path", "changes", "status", "words"),
    [
        (GOOD, CHAT, {}, 200, "You said: hi"),
        (TICKET, CHAT, {}, 200, "You said: hi"),
        ({"Authorization": "Basic ZGt1LXBlcnNvbmFsLWtleTo="}, CHAT, {}, 200, "You said"),
        ({**GOOD, "X-DKU-APITicket": "bad"}, CHAT, {}, 500, "Ticket not given or unrecognized"),
        ({**GOOD, **TICKET}, CHAT, {}, 400, "Two credentials"),
        ({}, CHAT, {}, 401, "No API key"),
        ({"Authorization": "Bearer nobody"}, CHAT, {}, 401, "Unknown API Key"),
        (GOOD, CHAT.replace("DEMO", "OTHER"), {}, 403, "Failed to read project permissions"),
        (GOOD, CHAT, {"model": "gone"}, 500, "LLM not found"),
        (GOOD, CHAT, {"seed": 1}, 400, "Unsupported arguments: seed"),
        (GOOD, CHAT, {"response_format": {}}, 400, "Unsupported arguments: response_format"),
        (GOOD, CHAT, {"max_tokens": 5.0}, 400, "no whole number"),
        (GOOD, CHAT, {"temperature": "0"}, 400, "no number"),
        (GOOD, CHAT, {"messages": []}, 400, "No messages"),
        (GOOD, CHAT, {"messages": [{"role": "boss", "content": ""}]}, 400, "Unknown role"),
        (GOOD, CHAT, with_parts({"type": "text", "text": "hello"}, PICTURE), 200, "said: hello"),
        (GOOD, CHAT, with_parts(), 400, "neither text nor parts"),
        (GOOD, CHAT, with_parts({"type": "image", "url": "https://a"}), 400, "Unknown part"),
        (GOOD, CHAT, with_parts({**PICTURE, "image_url": {"url": "a.png"}}), 400, "Unknown part"),
        (GOOD, CHAT, with_parts(picture("data:image/png;bytes=1")), 400, "Unknown part"),
        (GOOD, CHAT, with_parts(picture("data:image/png;base64,A")), 400, "Unknown part"),
        (GOOD, "nowhere", {}, 404, "No route"),
    ],
)
def test_the_server_answers_as_dss_does(
    headers: dict[str, str], path: str, changes: dict[str, object], status: int, words: str
) -> None:
    with MeshServer() as mesh:
        url = f"{mesh.backend}/dip/publicapi/{path}"
        answer = requests.post(url, json={**BODY, **changes}, headers=headers, timeout=10)
        assert answer.status_code == status
        assert words in answer.text
        assert "created" not in answer.json()
        front = requests.post(f"{mesh.backend}/public/api/{path}", headers=headers, timeout=10)
        assert front.status_code == 404


@pytest.mark.parametrize(
    ("behaviour", "text"), [("ignored", "You said: hi"), ("honoured", '{"a": "You said: hi"}')]
)
def test_a_response_format_may_also_be_ignored_or_honoured(behaviour: str, text: str) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    sent = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    with MeshServer(response_format=behaviour) as mesh:
        url = f"{mesh.front}/public/api/{CHAT}"
        body = {**BODY, "response_format": sent}
        answer = requests.post(url, json=body, headers=GOOD, timeout=10).json()
        assert answer["choices"][0]["message"]["content"] == text
        assert mesh.calls[0].body["response_format"] == sent


def test_images_have_tokens_and_may_be_refused() -> None:
    body = {**BODY, **with_parts({"type": "text", "text": "two words"}, PICTURE)}
    for refuses, status in ((False, 200), (True, 400)):
        with MeshServer(refuses_images=refuses) as mesh:
            url = f"{mesh.front}/public/api/{CHAT}"
            answer = requests.post(url, json=body, headers=GOOD, timeout=10)
        assert answer.status_code == status
        if not refuses:
            assert answer.json()["usage"]["prompt_tokens"] == 2 + 85


def test_streams_end_with_usage_without_a_choice() -> None:
    with MeshServer() as mesh:
        body = {**BODY, "stream": True, "stream_options": {"include_usage": True}}
        url = f"{mesh.front}/public/api/{CHAT}"
        lines = requests.post(url, json=body, headers=GOOD, timeout=10).text.split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    assert '"choices": []' in lines[-3]
    assert '"usage"' in lines[-3]
