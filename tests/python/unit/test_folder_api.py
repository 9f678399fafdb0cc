"""A managed folder through the public API, by the real client against the stand-in's HTTP side."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from dataikuapi.utils import DataikuException

from local_dss.mesh_server import MeshServer
from local_dss.project import Project
from local_dss.project_api import ProjectApi
from mesh_prompt_batch.adapters.folder_api import ApiFolder
from mesh_prompt_batch.errors import RunStoppedError
from mesh_prompt_batch.run_folder import RunFolder

KEY = "dku-personal-key"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MeshServer]:
    project = Project(tmp_path, "DEMO")
    project.managed_folder("run").mkdir(parents=True)
    with MeshServer(project=ProjectApi(project)) as running:
        yield running


def folder_of(server: MeshServer, folder_id: str = "run", key: str = KEY) -> ApiFolder:
    return ApiFolder(f"{server.backend}/", key, "DEMO", folder_id)


def test_objects_are_written_listed_read_and_deleted_whole(server: MeshServer) -> None:
    folder = folder_of(server)
    content = bytes(range(256)) * 5_000
    for name in ("a/one.bin", "a/50% of it, \u00e4/two", "three"):
        folder.write(name, io.BytesIO(content))
        assert folder.has(name)
        with folder.read(name) as stream:
            assert stream.read(2_000_000) == content
    assert folder.names() == ["a/50% of it, \u00e4/two", "a/one.bin", "three"]
    folder.write("three", io.BytesIO(b"replaced"))
    with folder.read("three") as stream:
        assert stream.read(3) == b"rep"
    folder.delete("three")
    folder.delete("three")
    assert not folder.has("three")


def test_the_run_folder_works_through_it(server: MeshServer) -> None:
    place = RunFolder(folder_of(server), ("spark", "00001"), lambda _: None)
    place.write_bytes("answers/x", b"answer")
    assert place.names_below("answers/") == ["answers/x"]
    with place.read("answers/x") as stream:
        assert stream.read() == b"answer"
    assert place.state() is None


@pytest.mark.parametrize(("folder_id", "key"), [("none", KEY), ("run", "canary-key-of-another")])
def test_what_is_refused_is_one_sentence_without_the_key(
    server: MeshServer, folder_id: str, key: str
) -> None:
    folder = folder_of(server, folder_id, key)
    with pytest.raises(DataikuException):
        folder.names()
    place = RunFolder(folder, ("spark", "00001"), lambda _: None)
    with pytest.raises(RunStoppedError, match="The run folder cannot be read") as raised:
        place.names_below("")
    assert "canary" not in str(raised.value)


def test_who_may_only_read_the_project_writes_nothing(server: MeshServer) -> None:
    server.gate.writable = False
    folder = folder_of(server)
    assert folder.names() == []
    with pytest.raises(DataikuException):
        folder.write("a", io.BytesIO(b"x"))
    with pytest.raises(DataikuException):
        folder.delete("a")
    assert folder.names() == []


def test_a_missing_file_and_a_path_that_leaves_the_folder_are_errors(server: MeshServer) -> None:
    folder = folder_of(server)
    with pytest.raises(DataikuException), folder.read("none"):
        pass
    with pytest.raises(DataikuException):
        folder.write("../x", io.BytesIO(b"x"))
