"""adapters/dss in front of the stand-in's `dataiku`, in this process."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import dataiku._job
from local_dss.behaviour import Behaviour
from local_dss.job_description import VARIABLE, JobDescription
from local_dss.mesh_server import MeshServer
from local_dss.project import Project
from mesh_prompt_batch import MeshClient
from mesh_prompt_batch.adapters import dss
from mesh_prompt_batch.errors import SettingsError

Enter = Callable[..., Project]
SCHEMA = [
    {"name": "id", "type": "string", "comment": "key", "originalType": "varchar"},
    {"name": "count", "type": "bigint"},
]


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Enter]:
    """Makes this process a job."""

    def enter(**changes: Any) -> Project:
        roles = {"inputs": {"messages": ["in"]}, "outputs": {"completions": ["out"]}}
        JobDescription(**{"project": str(tmp_path), "project_key": "P", **roles, **changes}).save(
            tmp_path / "job.json"
        )
        monkeypatch.setenv(VARIABLE, str(tmp_path / "job.json"))
        dataiku._job.job.cache_clear()
        return Project(tmp_path, "P")

    yield enter
    dataiku._job.job.cache_clear()


@pytest.fixture
def server() -> Iterator[MeshServer]:
    with MeshServer() as running:
        running.gate.project_key = "P"
        yield running


def test_cells_are_read_as_text(inside: Enter) -> None:
    inside().create("in", SCHEMA, [["NA", "007"], ["", ""]])
    source = dss.InputDataset("P.in")
    assert source.schema() == SCHEMA
    assert list(source.chunks(["count", "id"])) == [[("007", "NA"), ("", "")]]


@pytest.mark.parametrize("gives_a_chunk", [True, False])
def test_an_empty_dataset_has_no_rows(inside: Enter, gives_a_chunk: bool) -> None:
    inside(behaviour=Behaviour(zero_rows_give_a_chunk=gives_a_chunk)).create("in", SCHEMA, [])
    assert [row for chunk in dss.InputDataset("P.in").chunks(["id"]) for row in chunk] == []


def test_writing_replaces_what_was_there_and_leaves_the_input_s_storage_types_behind(
    inside: Enter,
) -> None:
    project = inside()
    project.create("out", [{"name": "old", "type": "string"}], [["kept"]])
    target = dss.OutputDataset("P.out")
    target.check(SCHEMA)
    assert target.write(SCHEMA, [["a", "1"], ["b", None]]) == 2
    stored = project.dataset("out")
    assert stored.rows() == [{"id": "a", "count": "1"}, {"id": "b", "count": ""}]
    assert stored.schema[0] == {"name": "id", "type": "string", "comment": "key"}


def test_appending_needs_the_same_columns(inside: Enter) -> None:
    project = inside(appends=["out"])
    target = dss.OutputDataset("P.out")
    assert target.appends
    target.check(SCHEMA)
    target.write(SCHEMA, [["a", "1"]])
    target.check(SCHEMA)
    assert target.write(SCHEMA, [["b", "2"]]) == 1
    assert [row["id"] for row in project.dataset("out").rows()] == ["a", "b"]
    more = [*SCHEMA, {"name": "new", "type": "double"}]
    with pytest.raises(
        SettingsError, match=r"'new' \(double\) in addition: change 'Output columns'"
    ):
        target.check(more)
    with pytest.raises(SettingsError, match=r"would write no 'count' \(bigint\)"):
        target.check(SCHEMA[:1])
    with pytest.raises(SettingsError, match="them in another order"):
        target.check(SCHEMA[::-1])


def test_a_recipe_gets_what_dss_hands_to_it(inside: Enter, server: MeshServer) -> None:
    project = inside(
        host=server.backend,
        ticket="ticket-of-the-job",
        config={"llm_id": "x"},
        plugin_config={"dss_url": server.front},
        variables={"model": "m"},
    )
    project.create("in", SCHEMA, [])
    with dss.recipe_run() as recipe:
        assert recipe.open_images is None
        assert (recipe.config, recipe.variables) == ({"llm_id": "x"}, {"model": "m"})
        accepted = recipe.mesh.connect()
        assert accepted.endpoint.credential == "the job's own ticket"
        assert accepted.llm_ids == set(server.llm_ids)
        listed = recipe.mesh.list_llms("TEXT_EMBEDDING_EXTRACTION")
        assert [it["id"] for it in listed] == ["huggingfacelocal:hf:intfloat/e5=base"]


def test_images_come_from_the_folder_of_their_role(inside: Enter) -> None:
    roles = {"messages": ["in"], "images": ["photos"]}
    project = inside(inputs=roles, host="http://127.0.0.1:9", ticket="t")
    (project.managed_folder("photos") / "pets").mkdir(parents=True)
    (project.managed_folder("photos") / "pets" / "a.png").write_bytes(b"bytes")
    with dss.recipe_run() as recipe:
        assert recipe.open_images is not None
        folder = recipe.open_images()
    with folder.read("pets/a.png") as stream:
        assert stream.read(10) == b"bytes"
    assert [folder.has(name) for name in ("pets/a.png", "pets", "none")] == [True, False, False]


def test_a_session_finds_its_way_through_the_front_by_variables_of_either_kind(
    inside: Enter, server: MeshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, port = server.front.removeprefix("http://").split(":")
    variables = {"DKU_NGINX_PORT": port, "DKU_BACKEND_HOST": host}
    nowhere = "http://127.0.0.1:9"
    with MeshServer(backend_serves_mesh=False) as other:
        for remote in (True, False):
            known = variables if remote else {}
            inside(host=other.backend, ticket="ticket-of-the-job", remote_variables=known)
            if not remote:
                monkeypatch.setitem(sys.modules, "dataiku.base.remoterun", None)
                for name, value in variables.items():
                    monkeypatch.setenv(name, value)
            endpoint = dss.endpoint_of_session("P")
            assert endpoint.base_url.startswith(f"{server.front}/public/api/projects/P/")
            assert nowhere not in endpoint.base_url
    assert not server.calls


def test_inside_dss_a_client_needs_no_arguments(inside: Enter, server: MeshServer) -> None:
    inside(host=server.backend, ticket="ticket-of-the-job")
    with MeshClient() as client:
        assert client.complete("openai:demo:small-model", "hello").text == "You said: hello"


@pytest.mark.parametrize(
    ("partition", "named"), [(None, ""), ("NP", ""), ("2026-11|FR", "2026-11|FR")]
)
def test_metrics_are_those_of_the_partition_that_is_built(
    inside: Enter, monkeypatch: pytest.MonkeyPatch, partition: str | None, named: str
) -> None:
    project = inside()
    project.create("out", SCHEMA, [])
    output = dss.OutputDataset("P.out")
    monkeypatch.setattr(output._dataset, "writePartition", partition, raising=False)
    output.publish({"prompt_batch_rows": 2})
    assert project.dataset("out").metrics == {named: {"prompt_batch_rows": 2}}


@pytest.mark.parametrize(
    ("told", "partition", "named", "run"),
    [
        ("attribute", "2026-11|FR", "2026-11|FR", "P.out, partition 2026-11|FR"),
        ("variables", "2026-11|FR", "part=2026-11|FR", "P.out, partition part=2026-11|FR"),
        ("attribute", "", "", "P.out"),
        ("variables", "", "", "P.out"),
    ],
)
def test_a_recipe_writes_the_partition_that_the_flow_gives_it(
    inside: Enter, told: str, partition: str, named: str, run: str
) -> None:
    inside(
        ticket="ticket-of-the-job",
        partition=partition,
        partitioned=["in", "out"],
        behaviour=Behaviour(partition_told=told),
    )
    with dss.recipe_run() as recipe:
        assert recipe.partition == named
        assert recipe.mesh.temporary_keys.label == f"mesh-prompt-batch, temporary: {run}"
        assert recipe.mesh.temporary_keys.alone


def test_what_is_no_recipe_may_be_at_work_twice(inside: Enter) -> None:
    inside(ticket="ticket-of-the-job")
    for project_key in (None, "OTHER"):
        with dss.mesh(project_key, {}, "forecast") as way:
            keys = way.temporary_keys
        assert keys.label == f"mesh-prompt-batch, temporary: {project_key or 'P'}.forecast"
        assert not keys.alone


def test_a_run_folder_is_an_output_or_named_by_its_id(inside: Enter) -> None:
    outputs = {"completions": ["out"], "run_folder": ["run"]}
    inside(ticket="ticket-of-the-job", outputs=outputs)
    with dss.recipe_run() as recipe:
        open_folder = recipe.run_folder("other")
        assert open_folder is not None
        assert open_folder()._folder._folder.get_id() == "run"  # type: ignore[attr-defined]  # the stand-in's
    inside(ticket="ticket-of-the-job")
    with dss.recipe_run() as recipe:
        open_folder = recipe.run_folder("other")
        assert open_folder is not None
        assert open_folder()._folder._folder.get_id() == "other"  # type: ignore[attr-defined]  # the stand-in's
        assert recipe.run_folder("") is None
