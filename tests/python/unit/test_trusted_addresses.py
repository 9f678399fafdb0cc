"""Which certificates are trusted at which address, with the real public client and TLS on real sockets."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dataikuapi
import pytest
import trustme

from mesh_prompt_batch.adapters import mesh
from mesh_prompt_batch.adapters.dss_credentials import TemporaryKeys, candidates
from mesh_prompt_batch.credentials import Accepted, first_accepted
from mesh_prompt_batch.endpoint import Endpoint
from mesh_prompt_batch.errors import EndpointError
from mesh_prompt_batch.plugin_settings import PluginSettings
from scripted_endpoint import ScriptedEndpoint

TYPED, FRONT = "https://dss.example.com", "https://127.0.0.1:11200"


def offered(
    host: str, verify: bool | str, plugin: PluginSettings, front: str | None = None
) -> Iterator[Endpoint]:
    client = dataikuapi.DSSClient(host, internal_ticket="t")
    client._session.verify = verify
    return candidates(client, "P", plugin, lambda: front, TemporaryKeys(client, "run"))


@pytest.mark.parametrize(
    ("of_session", "of_plugin", "inside", "front", "typed"),
    [
        (True, "", True, True, True),
        (False, "", False, False, True),
        ("/rpc.pem", "", "/rpc.pem", True, True),
        (True, "/mine.pem", "/mine.pem", "/mine.pem", "/mine.pem"),
        (False, "/mine.pem", False, False, "/mine.pem"),
        ("/rpc.pem", "/mine.pem", "/rpc.pem", "/mine.pem", "/mine.pem"),
    ],
)
def test_each_address_is_checked_by_what_holds_for_it(
    of_session: bool | str,
    of_plugin: str,
    inside: bool | str,
    front: bool | str,
    typed: bool | str,
) -> None:
    plugin = PluginSettings(dss_url=TYPED, ca_bundle=of_plugin)
    tickets = offered("https://dss:11200", of_session, plugin, FRONT)
    assert [next(tickets).verify for _ in range(3)] == [inside, front, typed]
    same = PluginSettings(dss_url=FRONT, ca_bundle=of_plugin)
    tickets = offered("https://dss:11200", of_session, same, FRONT)
    assert [next(tickets).verify for _ in range(2)] == [inside, typed]


@dataclass
class Port:
    """One that speaks TLS, and the file that its certificate is checked against."""

    endpoint: ScriptedEndpoint
    pem: str

    @property
    def host(self) -> str:
        return f"https://localhost:{self.endpoint.port}"


@contextmanager
def open_port(pem: Path) -> Iterator[Port]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(pem))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    with ScriptedEndpoint(tls=context) as running:
        yield Port(running, str(pem))


@pytest.fixture
def inside(tmp_path: Path) -> Iterator[Port]:
    """The port that jobs see."""
    with open_port(tmp_path / "rpc.pem") as port:
        yield port


@pytest.fixture
def typed(tmp_path: Path) -> Iterator[Port]:
    """What an admin typed as 'DSS URL'."""
    with open_port(tmp_path / "mine.pem") as port:
        yield port


def accepted(
    inside: Port, typed: Port, verify: bool | str, ca_bundle: str = "", front: str | None = None
) -> Accepted:
    plugin = PluginSettings(dss_url=typed.host, ca_bundle=ca_bundle)
    offers = offered(inside.host, verify, plugin, front)
    return first_accepted(offers, mesh.list_llm_ids, list[float]().append)


def test_the_plugin_s_file_is_for_the_typed_address_where_the_session_has_its_own(
    inside: Port, typed: Port
) -> None:
    found = accepted(inside, typed, inside.pem, typed.pem)
    assert found.endpoint.base_url.startswith(inside.host)
    inside.endpoint.models_status = 404
    found = accepted(inside, typed, inside.pem, typed.pem)
    assert found.endpoint.base_url.startswith(typed.host)


def test_no_credential_goes_to_a_typed_address_that_is_not_trusted(
    inside: Port, typed: Port
) -> None:
    inside.endpoint.models_status = 404
    for verify in (False, inside.pem):
        with pytest.raises(EndpointError, match="'CA certificates file'"):
            accepted(inside, typed, verify)
    assert typed.endpoint.preflights == []
    assert accepted(inside, typed, False, typed.pem).endpoint.verify == typed.pem


def test_a_front_whose_certificate_names_another_host_leaves_the_typed_address_to_try(
    inside: Port, typed: Port, caplog: pytest.LogCaptureFixture
) -> None:
    inside.endpoint.models_status = 404
    front = typed.host.replace("localhost", "127.0.0.1")
    found = accepted(inside, typed, inside.pem, typed.pem, front)
    assert f"{front}/public/api/projects/P/llms/openai/v1/: The certificate" in caplog.text
    assert found.endpoint.base_url.startswith(typed.host)
