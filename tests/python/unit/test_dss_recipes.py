"""What DSS tells of recipes, in front of the stand-in's HTTP side, and the choices of a macro's form."""

from collections.abc import Iterator
from pathlib import Path

import prompt_batch_recipes
import pytest

import dataiku
import dataiku._job
from local_dss.job_description import VARIABLE, JobDescription
from local_dss.mesh_server import MeshServer
from local_dss.project import Project
from local_dss.project_api import ProjectApi
from mesh_prompt_batch.adapters import dss
from mesh_prompt_batch.adapters.recipe_inquiry import recipe_inquiry
from mesh_prompt_batch.errors import SettingsError
from mesh_prompt_batch.flow_recipe import RECIPE_TYPE


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MeshServer]:
    """This process is inside DSS, in a project with the dataset `prompts`."""
    project = Project(tmp_path, "P")
    project.create_texts("prompts", [{"id": str(n), "q": f"question {n}"} for n in range(50)])
    with MeshServer(project=ProjectApi(project)) as running:
        running.gate.project_key = "P"
        described = JobDescription(
            str(tmp_path), "P", host=running.backend, ticket="ticket-of-the-job"
        )
        described.save(tmp_path / "job.json")
        monkeypatch.setenv(VARIABLE, str(tmp_path / "job.json"))
        dataiku._job.job.cache_clear()
        yield running
    dataiku._job.job.cache_clear()


def defined(server: MeshServer) -> None:
    server.project.definitions = {
        "ask": {
            "type": RECIPE_TYPE,
            "params": {"customConfig": {"llm_id": "llm", "user_column": "q"}},
            "inputs": {"messages": {"items": [{"ref": "prompts"}]}},
        },
        "stack": {"type": "vstack"},
    }


def test_a_recipe_is_found_with_its_input(server: MeshServer) -> None:
    defined(server)
    with dss.mesh("P", {"max_concurrency_ceiling": 3}, "test") as way:
        found = recipe_inquiry(way, "ask")
        assert found.settings.run.limits.max_concurrency == 3
        assert found.columns() == ("q",)
        assert found.workplace.open_images is None
        with pytest.raises(SettingsError, match="the recipe gone cannot be read"):
            recipe_inquiry(way, "gone")
        with pytest.raises(SettingsError, match="it is no prompt batch recipe"):
            recipe_inquiry(way, "stack")


def test_random_rows_come_from_anywhere_each_once(server: MeshServer) -> None:
    source = dss.InputDataset("P.prompts")
    rows = source.random_rows(["q", "id"], 20)
    assert len({*rows}) == 20
    assert all(question == f"question {number}" for question, number in rows)
    assert rows != [(f"question {n}", str(n)) for n in range(20)]
    assert len(source.random_rows(["q"], 500)) == 50


def test_the_row_count_is_the_last_one_or_none(server: MeshServer) -> None:
    source = dss.InputDataset("P.prompts")
    assert source.last_row_count() is None
    server.project.row_counts = {"prompts": 50}
    assert source.last_row_count() == 50


def labels() -> list[tuple[str, str]]:
    made = prompt_batch_recipes.do({"parameterName": "recipe"}, {}, {}, [])
    return [(it["value"], it["label"]) for it in made["choices"]]


def test_the_choices_are_the_project_s_prompt_batch_recipes(server: MeshServer) -> None:
    assert labels() == [("", "This project has no prompt batch recipe")]
    defined(server)
    assert labels() == [("ask", "ask")]


def test_an_error_is_the_only_choice(server: MeshServer) -> None:
    server.gate.readable = False
    ((value, label),) = labels()
    assert value == ""
    assert label.startswith("The recipes cannot be listed (")
    assert "type a name" in label
