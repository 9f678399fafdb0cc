"""The stand-in is no kinder than DSS: the traps are there."""

import asyncio
import io
import json
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import requests
from dataikuapi.utils import DataikuException

import dataiku
import dataiku._job
from dataiku.runnables import ResultTable
from local_dss import leftovers, surroundings
from local_dss.behaviour import Behaviour
from local_dss.job_description import VARIABLE, JobDescription
from local_dss.mesh_server import MeshServer
from local_dss.project import DatasetError, Project
from local_dss.project_api import ProjectApi

ROOT = Path(__file__).resolve().parents[3]
SCHEMA: list[dict[str, object]] = [
    {"name": "text", "type": "string"},
    {"name": "count", "type": "bigint"},
]


class Job:
    """This process as a job over one dataset, `data`."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._monkeypatch = folder, monkeypatch
        self.enter()

    def enter(self, **changes: Any) -> None:
        described = {"project": str(self._folder), "project_key": "P", **changes}
        described.setdefault("outputs", {"completions": ["data"]})
        JobDescription(**described).save(self._folder / "job.json")
        self._monkeypatch.setenv(VARIABLE, str(self._folder / "job.json"))
        dataiku._job.job.cache_clear()

    def holding(self, *rows: tuple[str, str]) -> dataiku.Dataset:
        Project(self._folder, "P").create("data", SCHEMA, rows)
        return dataiku.Dataset("P.data")

    @property
    def stored(self) -> list[dict[str, str]]:
        return Project(self._folder, "P").dataset("data").rows()


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Job]:
    yield Job(tmp_path, monkeypatch)
    dataiku._job.job.cache_clear()


def test_careless_reading_loses_text(job: Job) -> None:
    data = job.holding(("NA", "1"), ("007", "2"))
    assert pd.isna(data.get_dataframe()["text"][0])
    job.holding(("007", "1"))
    assert data.get_dataframe()["text"].tolist() == [7]
    (frame,) = data.iter_dataframes(infer_with_pandas=False)
    assert frame["text"].tolist() == ["007"]


def test_inference_is_per_chunk(job: Job) -> None:
    data = job.holding(("1", "1"), ("x", "2"))
    kinds = [frame["text"].dtype.kind for frame in data.iter_dataframes(chunksize=1)]
    assert kinds[0] == "i"
    assert kinds[1] != "i"


def test_integers_with_nulls_fail_unless_asked_otherwise(job: Job) -> None:
    data = job.holding(("a", "1"), ("b", ""))
    with pytest.raises(ValueError, match="Integer column has NA"):
        data.get_dataframe(infer_with_pandas=False)
    whole = data.get_dataframe(infer_with_pandas=False, use_nullable_integers=True)
    assert str(whole["count"].dtype) == "Int64"


def test_a_reader_that_is_slow_between_two_rows_loses_the_rest_without_a_word(job: Job) -> None:
    data = job.holding(("a", "1"), ("b", "2"))
    assert len(list(data.iter_tuples())) == 2
    rows = data.iter_tuples(timeout=1e-9)
    next(rows)
    assert list(rows) == []


def test_a_dataset_that_is_not_declared_or_has_no_schema_is_refused(job: Job) -> None:
    with pytest.raises(ValueError, match="not an input or output"):
        dataiku.Dataset("P.other")
    with pytest.raises(ValueError, match="no schema"):
        dataiku.Dataset("data").read_schema()
    with pytest.raises(RuntimeError, match="schema"):
        dataiku.Dataset("data").get_writer()
    with pytest.raises(RuntimeError, match="flow decides"):
        dataiku.Dataset("data").set_write_partition("2020")


def test_a_job_of_a_partition_reads_and_writes_that_one_alone(job: Job) -> None:
    project = Project(job._folder, "P")
    for partition in ("a", "b/c"):
        project.create("data", SCHEMA, [(partition, "1")], partition)
    job.enter(partition="b/c", partitioned=["data"])
    data = dataiku.Dataset("P.data")
    assert (data.writePartition, list(data.iter_tuples())) == ("b/c", [("b/c", "1")])
    assert dataiku.dku_flow_variables == {"DKU_DST_part": "b/c", "DKU_SRC_part": "b/c"}
    with data.get_writer() as writer:
        writer.write_tuple(("new", "2"))
    assert [project.dataset("data", it).rows()[0]["text"] for it in ("a", "b/c")] == ["a", "new"]
    job.enter()
    assert dataiku.Dataset("P.data").writePartition == "NP"
    assert not hasattr(dataiku, "dku_flow_variables")
    job.enter(behaviour=Behaviour(partition_told="variables"))
    assert not hasattr(dataiku.Dataset("P.data"), "writePartition")


def test_the_output_is_cleared_when_its_writer_opens_and_holds_nothing_before_five_megabytes(
    job: Job,
) -> None:
    data = job.holding(("old", "1"))
    writer = data.get_writer()
    writer.write_tuple(("new", 1))
    with pytest.raises(DatasetError):
        _ = job.stored
    assert data._stored.data.read_bytes() == b""
    with pytest.raises(RuntimeError, match="has one already"):
        data.get_writer()
    for _ in range(6):
        writer.write_tuple(("x" * 1024 * 1024, None))
    assert len(data._stored.data.read_bytes()) > 5 * 1024 * 1024
    writer.close()
    assert len(job.stored) == 7


@pytest.mark.parametrize(("failed", "rows"), [("commit", 1), ("discard", 0)])
def test_an_exception_while_writing_leaves_half_or_nothing_but_never_what_was_there(
    job: Job, failed: str, rows: int
) -> None:
    job.enter(behaviour=Behaviour(failed_writer=failed))
    data = job.holding(("old", "1"))

    def fail_after_a_row() -> None:
        with data.get_writer() as writer:
            writer.write_tuple(("new", 1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_a_row()
    assert [row["text"] for row in job.stored] == ["new"] * rows


def test_values_become_text_by_type_and_what_does_not_fit_is_refused(job: Job) -> None:
    data = job.holding()
    with data.get_writer() as writer:
        writer.write_row_dict({"text": float("nan")})
        writer.write_tuple((True, 3))
        for wrong in (("a", "3.0"), ("a", "x"), ("only one",)):
            with pytest.raises(ValueError, match="column"):
                writer.write_tuple(wrong)
        with pytest.raises(ValueError, match="Not in the schema: more"):
            writer.write_row_dict({"text": "a", "more": 1})
    assert job.stored == [{"text": "", "count": ""}, {"text": "true", "count": "3"}]


def test_a_writer_belongs_to_its_thread(job: Job) -> None:
    caught: list[BaseException] = []
    with job.holding().get_writer() as writer:

        def write() -> None:
            try:
                writer.write_tuple(("a", 1))
            except RuntimeError as error:
                caught.append(error)

        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
    assert "belongs to the thread" in str(caught[0])


def test_later_frames_must_look_like_the_first(job: Job) -> None:
    with job.holding().get_writer() as writer:
        writer.write_dataframe(pd.DataFrame({"text": ["a"], "count": [1]}))
        with pytest.raises(ValueError, match="not those of the first"):
            writer.write_dataframe(pd.DataFrame({"text": ["a"], "count": [1.5]}))
    assert job.stored == [{"text": "a", "count": "1"}]


def test_write_with_schema_overwrites_each_time(job: Job) -> None:
    data = job.holding()
    for n in (1, 2):
        data.write_with_schema(pd.DataFrame({"n": [n]}))
    assert job.stored == [{"n": "2"}]


def test_metrics_from_outside_are_numbers_by_name_and_partition(job: Job) -> None:
    data = job.holding()
    data.save_external_metric_values({"rows": 3, "cost": 0.5})
    data.save_external_metric_values({"rows": 4}, partition="2026-11")
    assert Project(job._folder, "P").dataset("data").metrics == {
        "": {"rows": 3, "cost": 0.5},
        "2026-11": {"rows": 4},
    }
    wrong: list[tuple[dict[Any, object], Any]] = [
        ({"rows": None}, ""),
        ({"rows": True}, ""),
        ({"cost": float("nan")}, ""),
        ({"": 1}, ""),
        ({1: 1}, ""),
        ({"rows": 1}, None),
    ]
    for values, partition in wrong:
        with pytest.raises(TypeError):
            data.save_external_metric_values(values, partition)
    job.enter(behaviour=Behaviour(metrics_refused=True))
    with pytest.raises(RuntimeError, match="Failed to save external metric values"):
        dataiku.Dataset("P.data").save_external_metric_values({"rows": 3})


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


def test_the_public_client_s_errors_are_dss_s(job: Job) -> None:
    with MeshServer() as mesh:
        job.enter(host=mesh.backend, ticket="gone")
        with pytest.raises(DataikuException, match="Ticket not given"):
            dataiku.api_client().get_project("DEMO").list_llms()


def test_the_zip_holds_what_dss_needs_and_is_the_same_every_time(tmp_path: Path) -> None:
    (tmp_path / "dss-plugin-old.zip").touch()
    script = str(ROOT / "scripts/build_plugin.py")
    built = []
    for _ in range(2):
        subprocess.run(
            [sys.executable, script, "--folder", str(tmp_path)], check=True, stdout=subprocess.PIPE
        )
        (archive,) = tmp_path.glob("*.zip")
        built.append(archive.read_bytes())
    assert built[0] == built[1]
    with zipfile.ZipFile(io.BytesIO(built[0])) as opened:
        names = set(opened.namelist())
    library = ROOT / "python-lib"
    assert {
        f"python-lib/{it.relative_to(library).as_posix()}" for it in library.rglob("*.py")
    } <= names
    assert {name.split("/")[0] for name in names} == {
        *("plugin.json", "LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md", "docs"),
        *(
            "code-env",
            "custom-recipes",
            "python-lib",
            "python-runnables",
            "requirements",
            "resource",
        ),
    }


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
