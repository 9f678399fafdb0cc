"""Keys that live as long as a run, with the real public client on real sockets."""

import logging
import time
from collections.abc import Iterator
from typing import Any, cast

import dataikuapi
import pytest

from local_dss.mesh_server import MeshServer
from mesh_prompt_batch.adapters.dss_credentials import TemporaryKeys, candidates
from mesh_prompt_batch.plugin_settings import PluginSettings

DAY = 86_400.0


@pytest.fixture
def server() -> Iterator[MeshServer]:
    with MeshServer() as running:
        yield running


def temporary_keys(server: MeshServer, *, alone: bool) -> TemporaryKeys:
    client = dataikuapi.DSSClient(server.backend, internal_ticket="ticket-of-the-job")
    return TemporaryKeys(client, "P.run", alone)


def age(server: MeshServer, seconds: float) -> None:
    for key in server.user.keys.values():
        key["createdOn"] = int(1_000 * (time.time() - seconds))


@pytest.mark.parametrize(("alone", "age_seconds"), [(True, 0.0), (False, DAY + 60.0)])
def test_what_is_surely_left_behind_is_deleted(
    server: MeshServer, alone: bool, age_seconds: float
) -> None:
    temporary_keys(server, alone=alone).make()
    age(server, age_seconds)
    temporary_keys(server, alone=alone).delete_leftovers()
    assert server.user.keys == {}


@pytest.mark.parametrize("told", [True, False])
def test_a_key_of_a_macro_that_may_be_at_work_stays(server: MeshServer, told: bool) -> None:
    other, mine = (temporary_keys(server, alone=False) for _ in range(2))
    secret = other.make()
    age(server, DAY - 60.0)
    if not told:
        del next(iter(server.user.keys.values()))["createdOn"]
    mine.delete_leftovers()
    mine.make()
    mine.delete()
    assert [it["key"] for it in server.user.keys.values()] == [secret]


def test_a_key_that_is_gone_is_a_line_of_the_log_and_the_next_one_is_made(
    server: MeshServer, caplog: pytest.LogCaptureFixture
) -> None:
    keys = temporary_keys(server, alone=True)
    first = keys.make()
    server.user.keys.clear()
    second = keys.make()
    assert [it["key"] for it in server.user.keys.values()] == [second]
    keys.delete()
    failed = [it for it in caplog.records if it.levelno == logging.WARNING]
    assert "".join(it.getMessage() for it in failed) == (
        "A temporary API key could not be deleted (DataikuException): if your profile still lists"
        " 'mesh-prompt-batch, temporary: P.run' when this run has ended, delete it there."
    )
    assert first is not None
    assert first not in caplog.text


def test_nothing_that_fails_stops_a_run(
    server: MeshServer, caplog: pytest.LogCaptureFixture
) -> None:
    keys = temporary_keys(server, alone=True)
    keys.make()
    server.gate.tickets.clear()
    plugin = PluginSettings(temporary_api_keys=True)
    keys.delete_leftovers()
    offers = list(candidates(keys.client, "P", plugin, lambda: None, keys))
    keys.delete()
    assert [it.credential for it in offers] == ["the job's own ticket"]
    assert "Whether a killed run left a temporary API key cannot be told" in caplog.text
    assert "A temporary API key cannot be made here (DataikuException)." in caplog.text


def test_who_may_have_no_key_is_offered_what_else_there_is(server: MeshServer) -> None:
    server.user.makes = False
    assert temporary_keys(server, alone=True).make() is None


@pytest.mark.parametrize(
    "listed", [None, ["x"], [{"label": "mesh-prompt-batch, temporary: P.run"}]]
)
def test_a_list_of_keys_that_makes_no_sense_stops_no_run(
    caplog: pytest.LogCaptureFixture, listed: Any
) -> None:
    class Client:
        def list_personal_api_keys(self) -> Any:
            return listed

    TemporaryKeys(cast("dataikuapi.DSSClient", Client()), "P.run", alone=True).delete_leftovers()
    assert "Whether a killed run left a temporary API key cannot be told" in caplog.text
