"""What jobs find beside datasets and the Mesh is no kinder than in DSS, and what they leave behind is seen."""

import asyncio
import json
import socket
import threading
from pathlib import Path

import pytest
from dataikuapi.utils import DataikuException

import dataiku
from dataiku.runnables import ResultTable
from job_here import Job
from local_dss import leftovers, surroundings
from local_dss.behaviour import Behaviour
from local_dss.mesh_server import MeshServer
from local_dss.project import Project
from local_dss.project_api import ProjectApi


def test_folders_are_streams_without_a_path(job: Job) -> None:
    job.enter(outputs={"run_folder": ["data"]})
    folder = dataiku.Folder("data")
    folder.upload_data("a/b.txt", b"one")
    assert folder.list_paths_in_partition() == ["/a/b.txt"]
    with folder.get_download_stream("/a/b.txt") as stream:
        assert stream.read() == b"one"
    with pytest.raises(RuntimeError, match="no path"):
        folder.get_path()
    with pytest.raises(ValueError, match="leaves the folder"):
        folder.upload_data("../x", b"")
    with pytest.raises(RuntimeError, match="Failed"), folder.get_download_stream("a"):
        pass
    there = [folder.get_path_details(path).get("directory") for path in ("a/b.txt", "a", "none")]
    assert there == [False, True, None]
    assert folder.get_path_details("none")["exists"] is False
    folder.clear()
    assert folder.list_paths_in_partition() == []


def test_result_tables_take_texts_of_the_right_length() -> None:
    table = ResultTable()
    table.add_column("a", "A", "STRING")
    with pytest.raises(ValueError, match="DOUBLE"):
        table.add_column("b", "B", "DOUBLE")
    with pytest.raises(ValueError, match="2 cells for 1 columns"):
        table.add_record(["x", "y"])
    table.add_record(["x"])


def test_the_public_client_s_errors_are_dss_s(job: Job) -> None:
    with MeshServer() as mesh:
        job.enter(host=mesh.backend, ticket="gone")
        with pytest.raises(DataikuException, match="Ticket not given"):
            dataiku.api_client().get_project("DEMO").list_llms()


def test_a_project_s_variables_are_written_as_a_whole(job: Job) -> None:
    with MeshServer() as server:
        server.gate.project_key = "P"
        job.enter(host=server.backend, ticket="ticket-of-the-job")
        project = dataiku.api_client().get_project("P")
        project.update_variables({"list": [{"id": "a"}]})
        project.set_variables({"standard": {"only": 1}, "local": {}})
        assert server.project.variables == {"standard": {"only": 1}, "local": {}}
        server.gate.writable = False
        assert project.get_variables()["standard"] == {"only": 1}
        with pytest.raises(DataikuException, match="project permissions"):
            project.update_variables({"more": 2})


def test_the_flow_says_which_datasets_recipes_build(job: Job, tmp_path: Path) -> None:
    job.holding(("a", "1"))
    recipes = {"compute_out": (["data"], ["out"])}
    with MeshServer(project=ProjectApi(Project(tmp_path, "P"), recipes)) as server:
        server.gate.project_key = "P"
        job.enter(host=server.backend, ticket="ticket-of-the-job")
        project = dataiku.api_client().get_project("P")
        graph = project.get_flow().get_graph()
        assert [it.name for it in graph.get_source_datasets()] == ["data"]
        assert graph.nodes["out"]["predecessors"] == ["compute_out"]
        assert [project.get_dataset(it).exists() for it in ("data", "gone")] == [True, False]


def test_what_a_component_leaves_behind_is_seen(tmp_path: Path) -> None:
    told, released, loop = tmp_path / "told.json", threading.Event(), asyncio.new_event_loop()
    with pytest.warns(ResourceWarning), leftovers.told_in(told):  # noqa: PT031  # what is left is the point
        thread = threading.Thread(target=released.wait, name="forgotten")
        thread.start()
        task = loop.create_task(asyncio.sleep(9))
        kept = socket.socket()
        socket.socket()
    left = "\n".join(json.loads(told.read_text())["left"])
    for part in ("thread forgotten", "task <coroutine", "socket:", "warning: unclosed <socket"):
        assert part in left
    released.set()
    thread.join()
    task.cancel()
    loop.run_until_complete(asyncio.wait([task]))
    loop.close()
    kept.close()
    with leftovers.told_in(told):
        pass
    assert json.loads(told.read_text()) == {"left": []}


def test_a_resolver_of_names_may_fail_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", socket.getaddrinfo)
    surroundings.arrange(Behaviour(failing_lookups=(2,)))
    assert socket.getaddrinfo("localhost", 80)
    with pytest.raises(socket.gaierror, match="Temporary failure in name resolution"):
        socket.getaddrinfo("localhost", 80)
    assert socket.getaddrinfo("localhost", 80)
