"""What a process inside DSS can offer, with the real public client."""

from typing import Any

import dataikuapi
import pytest
import requests_mock as mocked

from mesh_prompt_batch.adapters.dss_credentials import TemporaryKeys, candidates
from mesh_prompt_batch.endpoint import Endpoint
from mesh_prompt_batch.plugin_settings import PluginSettings

HOST = "http://dss:11200"
API = f"{HOST}/dip/publicapi"
SECRETS = {
    "secrets": [{"key": "other", "value": "x"}, {"key": "mesh-prompt-batch-api-key", "value": "s"}]
}


def offered(
    client: dataikuapi.DSSClient,
    plugin: PluginSettings | None = None,
    front: str | None = None,
    keys: TemporaryKeys | None = None,
) -> list[Endpoint]:
    found = candidates(
        client, "P", plugin or PluginSettings(), lambda: front, keys or TemporaryKeys(client, "run")
    )
    return list(found)


def test_ticket_then_secret_then_the_plugin_s_key(requests_mock: mocked.Mocker) -> None:
    requests_mock.get(f"{API}/auth/info", json=SECRETS)
    client = dataikuapi.DSSClient(HOST, internal_ticket="t")
    offers = offered(client, PluginSettings(api_key="k", dss_url="https://front/"))
    assert [it.credential for it in offers[::2]] == [
        "the job's own ticket",
        "your user secret 'mesh-prompt-batch-api-key'",
        "the API key of the plugin's settings",
    ]
    assert (offers[0].headers, offers[0].api_key) == ({"X-DKU-APITicket": "t"}, None)
    assert [it.api_key for it in offers[2::2]] == ["s", "k"]
    assert {it.base_url for it in offers} == {
        f"{API}/projects/P/llms/openai/v1/",
        "https://front/public/api/projects/P/llms/openai/v1/",
    }
    assert not any(it.use_environment_proxies for it in offers)


@pytest.mark.parametrize("answer", [{"status_code": 403}, {"json": {}}, {"json": {"secrets": [5]}}])
def test_without_a_readable_secret_the_others_are_left(
    requests_mock: mocked.Mocker, answer: dict[str, Any]
) -> None:
    requests_mock.get(f"{API}/auth/info", **answer)
    offers = offered(dataikuapi.DSSClient(HOST, api_key="mine"), front="http://dss:11000")
    assert [it.credential for it in offers] == ["the API key of this session"] * 2
    assert offers[1].base_url.startswith("http://dss:11000/public/api/")


def test_a_temporary_key_is_made_when_its_turn_comes_and_deleted_once(
    requests_mock: mocked.Mocker,
) -> None:
    requests_mock.get(f"{API}/auth/info", json={})
    label = "mesh-prompt-batch, temporary: P.out"
    made = requests_mock.post(f"{API}/personal-api-keys/", json={"id": "new", "key": "secret"})
    gone = requests_mock.delete(mocked.ANY, json={})
    client = dataikuapi.DSSClient(HOST, internal_ticket="t")
    keys = TemporaryKeys(client, "P.out", alone=True)
    offers = candidates(client, "P", PluginSettings(temporary_api_keys=True), lambda: None, keys)
    assert next(offers).credential == "the job's own ticket"
    assert not made.called
    assert next(offers).api_key == "secret"
    assert made.request_history[-1].json()["label"] == label
    keys.delete()
    keys.delete()
    assert [it.path.rsplit("/", 1)[1] for it in gone.request_history] == ["new"]
