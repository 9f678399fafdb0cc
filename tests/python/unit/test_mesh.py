"""adapters/mesh on real sockets, with the real openai client."""

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from mesh_prompt_batch.adapters import mesh, mesh_calls
from mesh_prompt_batch.completion import Completion, CompletionRequest
from mesh_prompt_batch.credentials import Accepted
from mesh_prompt_batch.endpoint import Endpoint
from mesh_prompt_batch.errors import (
    CallError,
    EndpointError,
    LlmError,
    RequestError,
    TransientError,
)
from scripted_endpoint import (
    Answer,
    ScriptedEndpoint,
    completion,
    cut_after,
    hang,
    refusal,
    reset,
    respond,
)

CANARY = "canary-7f3a"
REQUEST = CompletionRequest("llm", ({"role": "user", "content": CANARY},), {"temperature": 0.0})


def with_ticket(running: ScriptedEndpoint, verify: bool | str = True) -> Endpoint:
    return Endpoint(running.url, "a ticket", {"X-DKU-APITicket": "t1"}, verify=verify)


def complete(
    connect: Callable[[], Accepted], *requests: CompletionRequest, timeout: float = 20.0
) -> list[Completion]:
    async def all_of_them() -> list[Completion]:
        calls = mesh_calls.MeshCalls(connect, timeout_seconds=timeout, max_connections=4)
        async with calls as call:
            return list(await asyncio.gather(*(call(request) for request in requests)))

    return asyncio.run(all_of_them())


def ask(running: ScriptedEndpoint, timeout: float = 20.0) -> Completion:
    accepted = Accepted(with_ticket(running), frozenset(running.llm_ids))
    return complete(lambda: accepted, REQUEST, timeout=timeout)[0]


def test_an_answer_comes_back_with_its_tokens_and_time(endpoint: ScriptedEndpoint) -> None:
    found = ask(endpoint)
    assert (found.text, found.finish_reason, found.llm_id) == ("fine", "stop", "llm")
    assert (found.usage.prompt_tokens, found.usage.completion_tokens) == (7, 3)
    assert 0 < found.latency_seconds < 20


def test_the_request_is_sent_as_it_stands(endpoint: ScriptedEndpoint) -> None:
    ask(endpoint)
    messages = [{"role": "user", "content": CANARY}]
    assert endpoint.calls[0].body == {"model": "llm", "messages": messages, "temperature": 0.0}


def test_a_ticket_travels_alone(endpoint: ScriptedEndpoint) -> None:
    ask(endpoint)
    mesh.list_llm_ids(with_ticket(endpoint))
    for seen in (endpoint.calls[0], endpoint.preflights[0]):
        assert seen.headers["x-dku-apiticket"] == "t1"
        assert "authorization" not in seen.headers


def test_a_call_tells_nothing_of_the_machine(endpoint: ScriptedEndpoint) -> None:
    ask(endpoint)
    assert endpoint.calls[0].headers["content-type"] == "application/json"
    assert not [it for it in endpoint.calls[0].headers if it.lower().startswith("x-stainless")]


def test_a_key_travels_as_bearer(endpoint: ScriptedEndpoint) -> None:
    accepted = Accepted(Endpoint(endpoint.url, "a key", api_key="k1"), frozenset())
    complete(lambda: accepted, REQUEST)
    mesh.list_llm_ids(accepted.endpoint)
    for seen in (endpoint.calls[0], endpoint.preflights[0]):
        assert seen.headers["authorization"] == "Bearer k1"


def test_environment_proxies_are_ignored(
    endpoint: ScriptedEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert ask(endpoint).text == "fine"
    assert mesh.list_llm_ids(with_ticket(endpoint)) == {"llm"}


REFUSALS: dict[str, tuple[Answer, type[CallError], str]] = {
    "429": (refusal(429, "slow down"), TransientError, "rate_limit"),
    "408": (refusal(408, "late"), TransientError, "timeout"),
    "409": (refusal(409, "conflict"), TransientError, "server"),
    "500 unknown": (refusal(500, "strange"), TransientError, "server"),
    "502 page": (respond("<html>bad gateway</html>", status=502), TransientError, "server"),
    "503": (refusal(503, "restarting"), TransientError, "server"),
    "504": (refusal(504, "gateway"), TransientError, "timeout"),
    "deep JSON": (respond('{"choices": ' + "[" * 100_000), TransientError, "connection"),
    "cut JSON": (respond('{"choices": [{"mess'), TransientError, "connection"),
    "reset": (reset, TransientError, "connection"),
    "reset in mid-body": (cut_after('{"choices": ['), TransientError, "connection"),
    "plain text": (respond("hello", content_type="text/plain"), TransientError, "server"),
    "other JSON": (respond('{"hello": 1}'), TransientError, "server"),
    "a list": (respond("[1]"), TransientError, "server"),
    "400": (refusal(400, "no such argument"), RequestError, "bad_request"),
    "413": (refusal(413, "too large"), RequestError, "bad_request"),
    "context": (refusal(400, "maximum context length is 8"), RequestError, "context_length"),
    "guardrail": (refusal(500, "Blocked by guardrail: PII"), RequestError, "guardrail"),
    "no choices": (completion(None, choices=[]), RequestError, "empty"),
    "null content": (completion(None), RequestError, "empty"),
    "null, cut": (completion(None, "length"), RequestError, "truncated"),
    "filtered": (completion("x", "content_filter"), RequestError, "guardrail"),
    "401": (refusal(401, "Unknown API Key"), LlmError, "authentication"),
    "403": (refusal(403, "Failed to read project permissions"), LlmError, "authentication"),
    "404": (refusal(404, "gone"), LlmError, "not_found"),
    "bad ticket": (refusal(500, "Ticket not given or unrecognized"), LlmError, "authentication"),
    "quota": (refusal(500, "Cost quota exceeded"), LlmError, "quota"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_every_refusal_has_its_name(endpoint: ScriptedEndpoint, case: str) -> None:
    answer, error, error_type = REFUSALS[case]
    endpoint.answers = [answer]
    with pytest.raises(error) as caught:
        ask(endpoint)
    assert caught.value.error_type == error_type


def test_the_server_s_pause_is_read(endpoint: ScriptedEndpoint) -> None:
    endpoint.answers = [refusal(429, "slow down", **{"Retry-After": "7"})]
    with pytest.raises(TransientError) as caught:
        ask(endpoint)
    assert caught.value.retry_after == 7.0


def test_a_call_that_hangs_ends_with_its_timeout(endpoint: ScriptedEndpoint) -> None:
    endpoint.answers = [hang]
    started = time.monotonic()
    with pytest.raises(TransientError) as caught:
        ask(endpoint, timeout=0.2)
    assert caught.value.error_type == "timeout"
    assert time.monotonic() - started < 10


def test_a_closed_port_is_a_failed_connection(endpoint: ScriptedEndpoint) -> None:
    closed = Endpoint("http://127.0.0.1:9/", "a ticket", {"X-DKU-APITicket": "t"})
    with pytest.raises(TransientError) as caught:
        complete(lambda: Accepted(closed, frozenset()), REQUEST)
    assert caught.value.error_type == "connection"


def test_an_unlisted_llm_whose_first_call_answers_500_is_not_found(
    endpoint: ScriptedEndpoint,
) -> None:
    endpoint.llm_ids, endpoint.answers = ["another"], [refusal(500, "strange")]
    with pytest.raises(LlmError) as caught:
        ask(endpoint)
    assert caught.value.error_type == "not_found"


def test_an_unlisted_llm_that_answers_is_an_llm_like_others(endpoint: ScriptedEndpoint) -> None:
    endpoint.llm_ids = ["another"]
    endpoint.answers = [completion("yes"), refusal(500, "strange")]
    accepted = Accepted(with_ticket(endpoint), frozenset(endpoint.llm_ids))

    async def twice() -> None:
        calls = mesh_calls.MeshCalls(lambda: accepted, timeout_seconds=20, max_connections=1)
        async with calls as call:
            assert (await call(REQUEST)).text == "yes"
            await call(REQUEST)

    with pytest.raises(TransientError):
        asyncio.run(twice())


def test_a_refused_ticket_is_read_again_once_for_all_calls(endpoint: ScriptedEndpoint) -> None:
    refused, fine = refusal(401, "Unknown ticket"), completion("fine")
    endpoint.answers = [refused, refused, refused, fine]
    connects: list[Accepted] = []

    def connect() -> Accepted:
        connects.append(Accepted(with_ticket(endpoint), frozenset({"llm"})))
        return connects[-1]

    found = complete(connect, REQUEST, REQUEST, REQUEST)
    assert [it.text for it in found] == ["fine"] * 3
    assert len(connects) == 2


def test_a_ticket_that_stays_refused_stops_the_llm(endpoint: ScriptedEndpoint) -> None:
    endpoint.answers = [refusal(401, "Unknown ticket")]
    with pytest.raises(LlmError):
        ask(endpoint)
    assert len(endpoint.calls) == 2


@pytest.fixture
def private_ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls_endpoint(private_ca: trustme.CA) -> Iterator[ScriptedEndpoint]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    private_ca.issue_cert("localhost").configure_cert(context)
    with ScriptedEndpoint(tls=context) as running:
        yield running


def test_a_private_authority_is_trusted_by_its_file(
    tls_endpoint: ScriptedEndpoint, private_ca: trustme.CA, tmp_path: Path
) -> None:
    private_ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    trusting = with_ticket(tls_endpoint, str(tmp_path / "ca.pem"))
    assert mesh.list_llm_ids(trusting) == {"llm"}
    assert complete(lambda: Accepted(trusting, frozenset()), REQUEST)[0].text == "fine"


def test_an_instance_without_verification_is_reached(tls_endpoint: ScriptedEndpoint) -> None:
    careless = with_ticket(tls_endpoint, verify=False)
    assert mesh.list_llm_ids(careless) == {"llm"}
    assert complete(lambda: Accepted(careless, frozenset()), REQUEST)[0].text == "fine"


def test_an_untrusted_certificate_stops_the_run_and_names_the_setting(
    tls_endpoint: ScriptedEndpoint,
) -> None:
    strict = with_ticket(tls_endpoint)
    with pytest.raises(EndpointError, match="CA certificates file"):
        mesh.list_llm_ids(strict)
    with pytest.raises(EndpointError, match="CA certificates file"):
        complete(lambda: Accepted(strict, frozenset()), REQUEST)


def test_a_missing_certificates_file_names_the_setting(endpoint: ScriptedEndpoint) -> None:
    with pytest.raises(EndpointError, match="CA certificates file"):
        mesh.list_llm_ids(with_ticket(endpoint, "/nowhere/ca.pem"))


def test_a_page_instead_of_the_list_is_no_api(endpoint: ScriptedEndpoint) -> None:
    endpoint.models_status = 404
    with pytest.raises(LlmError) as caught:
        mesh.list_llm_ids(with_ticket(endpoint))
    assert caught.value.error_type == "not_found"


@pytest.mark.usefixtures("no_aiohttp")
def test_the_default_transport_serves_where_aiohttp_is_missing(
    endpoint: ScriptedEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    assert ask(endpoint).text == "fine"
    assert "aiohttp is not installed" in caplog.text


def failed(running: ScriptedEndpoint) -> RequestError:
    with pytest.raises(RequestError) as caught:
        ask(running)
    assert CANARY in caught.value.provider_words
    assert caught.value.__suppress_context__
    return caught.value


@pytest.mark.parametrize("refused", [False, True])
def test_nothing_of_a_prompt_is_logged_or_in_the_error(
    endpoint: ScriptedEndpoint, refused: bool, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint.answers = [refusal(400, f"not {CANARY}") if refused else completion("fine")]
    caplog.set_level(logging.DEBUG)
    error = failed(endpoint) if refused else ask(endpoint)
    assert CANARY not in str(error)
    assert CANARY not in caplog.text
    assert "t1" not in caplog.text.split()


def test_single_calls_give_what_came_or_the_error_in_our_words(endpoint: ScriptedEndpoint) -> None:
    endpoint.answers = [completion(""), refusal(500, "strange")]
    request = CompletionRequest("llm", ({"role": "user", "content": "hm"},), {"max_tokens": 1})
    with mesh.open_calls(with_ticket(endpoint)) as calls:
        assert isinstance(calls.ask(request), dict)
        with pytest.raises(TransientError, match=r"^server \(HTTP 500\)$"):
            calls.ask(request)
    assert endpoint.calls[0].body["max_tokens"] == 1
