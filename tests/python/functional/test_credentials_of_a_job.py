"""How a job proves who it is: its ticket, then the ways out, each where the one before is refused."""

import asyncio
import signal
import ssl
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from local_dss.faults import Answer
from local_dss.job import Job
from local_dss.mesh_server import MeshServer
from local_flow import Flow
from scripted_endpoint import completion

pytestmark = pytest.mark.cold

USER_SECRET = [{"key": "mesh-prompt-batch-api-key", "value": "key-of-the-user"}]


def test_the_ticket_comes_alone(flow: Flow) -> None:
    flow.ask("why?")
    result = flow.run(
        environment={"HTTP_PROXY": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9"}
    )
    assert result.succeeded, result.text
    assert flow.mesh.calls[0].headers["x-dku-apiticket"] == "ticket-of-the-job"
    assert "authorization" not in flow.mesh.calls[0].headers
    assert flow.mesh.calls[0].path == "/dip/publicapi/projects/DEMO/llms/openai/v1/chat/completions"


@pytest.mark.parametrize("status", [401, 403, 500])
def test_where_tickets_are_refused_the_user_s_secret_is_used(flow: Flow, status: int) -> None:
    flow.mesh.gate.mesh_refuses_tickets = status
    flow.mesh.gate.keys.add("key-of-the-user")
    flow.mesh.user.secrets = USER_SECRET
    flow.ask("why?")
    result = flow.run(plugin_config={"api_key": "never reached"})
    assert "with your user secret 'mesh-prompt-batch-api-key'" in result.text
    assert flow.mesh.calls[0].headers["authorization"] == "Bearer key-of-the-user"
    assert "x-dku-apiticket" not in flow.mesh.calls[0].headers
    assert "key-of-the-user" not in result.text


def test_then_the_plugin_s_key(flow: Flow) -> None:
    flow.mesh.gate.mesh_refuses_tickets = 401
    flow.mesh.gate.keys.add("key-of-the-plugin")
    flow.mesh.user.secrets = USER_SECRET
    flow.ask("why?")
    result = flow.run(plugin_config={"api_key": "key-of-the-plugin"})
    assert "with the API key of the plugin's settings" in result.text
    assert "key-of-the-plugin" not in result.text


def test_then_a_temporary_key_which_is_gone_afterwards(flow: Flow) -> None:
    flow.mesh.gate.mesh_refuses_tickets = 401
    flow.ask("why?")
    result = flow.run(plugin_config={"temporary_api_keys": True})
    assert "with a temporary API key" in result.text
    assert flow.mesh.user.keys == {}


@pytest.mark.parametrize(("allowed", "there"), [(True, ["mine"]), (False, ["left", "mine"])])
def test_a_run_that_needs_none_deletes_the_temporary_key_that_a_killed_one_left(
    flow: Flow, allowed: bool, there: list[str]
) -> None:
    left = {"id": "left", "key": "k", "label": "mesh-prompt-batch, temporary: DEMO.answers"}
    mine = {"id": "mine", "key": "k", "label": "my own"}
    flow.mesh.user.keys.update(left=left, mine=mine)
    flow.ask("why?")
    result = flow.run(plugin_config={"temporary_api_keys": allowed})
    assert "with the job's own ticket" in result.text
    assert list(flow.mesh.user.keys) == there


def test_an_aborted_job_takes_its_temporary_key_along(flow: Flow) -> None:
    flow.mesh.gate.mesh_refuses_tickets = 401
    flow.mesh.delay_seconds = 0.2
    flow.ask(*(f"question {n}" for n in range(400)))
    job = flow.start({"max_concurrency": 4}, plugin_config={"temporary_api_keys": True})
    flow.mesh.wait_for_calls(20)
    assert len(flow.mesh.user.keys) == 1
    job.send(signal.SIGTERM)
    assert "Deleted the temporary API key of this run." in job.wait(20).text
    assert flow.mesh.user.keys == {}


def test_partitions_at_once_leave_each_other_s_temporary_keys_alone(flow: Flow) -> None:
    flow.mesh.gate.mesh_refuses_tickets = 401

    def start(partition: str) -> Job:
        rows = [{"question": f"{partition} {n}"} for n in range(3)]
        flow.project.create_texts("prompts", rows, partition)
        return flow.start(
            {"max_concurrency": 1},
            partition=partition,
            partitioned=["prompts", "answers"],
            plugin_config={"temporary_api_keys": True},
        )

    second_is_at_work = asyncio.Event()

    async def late(request: web.Request) -> web.StreamResponse:
        await second_is_at_work.wait()
        return await completion("late")(request)

    def fault(question: str, _time: int, _call: int) -> Answer | None:
        if question.startswith("b"):
            second_is_at_work.set()
        return late if question == "a 0" else None

    flow.mesh.fault = fault
    first = start("a")
    flow.mesh.wait_for_calls(1)
    for finished in [it.wait() for it in (start("b"), first)]:
        assert finished.succeeded, finished.text
        assert "reading it again" not in finished.text
    assert flow.mesh.user.keys == {}


def test_a_temporary_key_that_is_gone_already_fails_no_job(flow: Flow) -> None:
    flow.mesh.gate.mesh_refuses_tickets = 401
    made: list[str] = []

    def take_away(_question: str, _time: int, _call: int) -> None:
        made.extend(it["key"] for it in flow.mesh.user.keys.values())
        flow.mesh.user.keys.clear()

    flow.mesh.fault = take_away
    flow.ask("why?")
    result = flow.run(plugin_config={"temporary_api_keys": True})
    assert result.succeeded, result.text
    assert result.text.count("A temporary API key could not be deleted (DataikuException)") == 1
    assert len(made) == 1
    assert made[0] not in result.text


def test_without_any_that_is_accepted_one_sentence_says_what_was_tried_and_what_to_do(
    flow: Flow,
) -> None:
    flow.mesh.gate.writable = False
    flow.ask("why?")
    flow.previous_output()
    result = flow.run()
    assert "none of the credentials tried, the job's own ticket (HTTP 403)" in result.banner
    assert "check that you may read and write this project" in result.banner
    assert flow.untouched()


def test_a_key_that_is_withdrawn_in_mid_run_stops_it(flow: Flow) -> None:
    flow.ask("a", "b", "c")
    flow.previous_output()

    def withdraw(_question: str, _time: int, call: int) -> None:
        if call == 1:
            flow.mesh.gate.tickets.clear()

    flow.mesh.fault = withdraw
    result = flow.run({"max_concurrency": 1})
    assert "reading it again" in result.text
    assert "none of the credentials tried" in result.banner
    assert flow.untouched()


def test_a_job_whose_own_address_does_not_serve_the_mesh_finds_the_front(flow: Flow) -> None:
    with MeshServer(backend_serves_mesh=False) as mesh:
        flow.ask("why?")
        host, _, port = mesh.front.removeprefix("http://").partition(":")
        variables = {"DKU_NGINX_PORT": port, "DKU_BACKEND_HOST": host}
        assert flow.run(host=mesh.backend, remote_variables=variables).succeeded
        assert flow.run(host=mesh.backend, plugin_config={"dss_url": mesh.front}).succeeded
        result = flow.run(host=mesh.backend)
    assert [call.path.split("/")[1] for call in mesh.calls] == ["public", "public"]
    assert "an admin can set 'DSS URL'" in result.banner


def test_private_certificates_are_trusted_by_a_pem_file_or_not_checked(
    flow: Flow, tmp_path: Path
) -> None:
    authority = trustme.CA()
    pem = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(pem))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(tls)
    flow.ask("why?")
    with MeshServer(tls=tls) as mesh:
        host = mesh.backend
        assert flow.run(host=host, verify=str(pem)).succeeded
        assert flow.run(host=host, verify=False).succeeded
        assert flow.run(host=host, verify=False, plugin_config={"ca_bundle": str(pem)}).succeeded
        untrusted = flow.run(host=host)
    assert "'CA certificates file' in the plugin's settings" in untrusted.banner
    assert len(mesh.calls) == 3


def test_a_program_outside_dss_uses_its_own_key(flow: Flow) -> None:
    flow.ask("why?")
    result = flow.run(host=flow.mesh.front, ticket=None, api_key="dku-personal-key")
    assert "with the API key of this session" in result.text
    assert flow.mesh.calls[0].headers["authorization"] == "Bearer dku-personal-key"
