"""Real Spark: two executors, tasks that run again, beside themselves and for every action, one executor killed."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_dss.faults import Answer, refusal
from local_dss.llms import LLM_ID, user_text
from local_dss.mesh_server import MeshServer
from local_dss.project import Project
from local_dss.project_api import ProjectApi
from spark_cluster import SparkCluster, cells, spark_cluster, why_there_is_none

WHY_NOT = why_there_is_none()
pytestmark = [
    pytest.mark.spark,
    # The first one may have to install Spark.
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT),
]

KEY, PROMPT = "canary-key-51c7", "canary-prompt-8e02"
# The first task of an executor imports what it needs.
STARTING_SECONDS = 240.0
SCHEMA = "number long, question string"
# Spark runs every task that takes a while a second time, on the other executor.
EAGER = {
    "spark.speculation": "true",
    "spark.speculation.interval": "100ms",
    "spark.speculation.quantile": "0.5",
    "spark.speculation.multiplier": "1.01",
    "spark.speculation.minTaskRuntime": "1s",
    # Of those that fail on purpose.
    "spark.task.maxFailures": "2",
    "spark.sql.session.timeZone": "Europe/Paris",
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkCluster]:
    with spark_cluster(tmp_path_factory.mktemp("spark"), EAGER) as running:
        yield running


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[MeshServer]:
    project = Project(tmp_path, "DEMO")
    project.managed_folder("run").mkdir(parents=True)
    with MeshServer(project=ProjectApi(project)) as running:
        running.gate.keys.add(KEY)
        yield running


def job(mesh: MeshServer, questions: list[str], **changes: Any) -> dict[str, Any]:
    return {
        "rows": [[n, it] for n, it in enumerate(questions)],
        "schema": SCHEMA,
        "partitions": [len(questions)],
        "settings": {
            "llm_id": LLM_ID,
            "messages_mode": "template",
            "user_template": "{{question}}",
            "system_template": f"Be {PROMPT}.",
            "max_concurrency": 2,
            "max_retries": 1,
            **changes.pop("config", {}),
        },
        "endpoint": {
            "url": mesh.backend,
            "project_key": "DEMO",
            "api_key": KEY,
            "run_folder": "run",
            **changes.pop("endpoint", {}),
        },
        "actions": ["rows"],
        **changes,
    }


def asked(mesh: MeshServer) -> Counter[str]:
    return Counter(user_text(it.body).partition("\n")[0] for it in mesh.calls)


def test_an_executor_is_killed_and_every_row_comes_once_with_its_own_answer(
    cluster: SparkCluster, mesh: MeshServer
) -> None:
    questions = [f"question {n}" for n in range(72)]
    mesh.delay_seconds = 0.2
    told = job(mesh, questions, partitions=[36] * 2, actions=["rows", "count", "coalesced"])
    cluster.start(**told)
    mesh.wait_for_calls(40, STARTING_SECONDS)
    cluster.kill_one_executor()
    answer = cluster.answer()
    assert "failed" not in answer, answer["failed"]
    assert cells(answer, "number") == [str(n) for n in range(72)]
    assert cells(answer, "completion") == [repr(f"You said: {it}") for it in questions]
    assert (answer["count"], answer["coalesced"]) == (72, 72)
    twice = sum(asked(mesh).values()) - 72
    print(f"{twice} calls were paid twice")  # noqa: T201  # a figure
    # In flight at the kill: two calls. Not yet saved: what 10 calls a second answer in a moment, on a busy machine.
    assert 0 <= twice <= 2 + 8
    assert set(asked(mesh)) == set(questions)


def test_a_task_that_spark_runs_twice_at_once_is_paid_once(
    cluster: SparkCluster, mesh: MeshServer
) -> None:
    questions = [f"question {n}" for n in range(22)]
    mesh.delay_seconds = 0.3
    # When the first partition is done, Spark thinks that the second is slow.
    told = job(mesh, questions, config={"max_concurrency": 1}, partitions=[2, 20])
    answer = cluster.run(**told)
    assert "failed" not in answer, answer["failed"]
    assert cells(answer, "completion") == [repr(f"You said: {it}") for it in questions]
    assert set(asked(mesh).values()) == {1}


def test_columns_of_all_types_come_out_as_they_went_in(
    cluster: SparkCluster, mesh: MeshServer
) -> None:
    sql = """
        SELECT * FROM VALUES
            (9007199254740993, TIMESTAMP '0999-12-31 23:59:59.123456', 1.10BD, ARRAY(1, NULL), 'NA', true),
            (NULL, NULL, NULL, NULL, NULL, NULL),
            (7, TIMESTAMP '2026-03-29 12:00:00', 2.00BD, ARRAY(), '007', false)
        AS data(`a.b c`, moment, price, list, question, flag)
    """
    config = {
        "user_template": "{{a.b c}} {{moment}} {{price}} {{list}} {{question}} {{flag}}",
        "output_columns": "full",
    }
    told = job(mesh, [], sql=sql, config=config, actions=["input", "rows", "columns", "comments"])
    answer = cluster.run(**told)
    assert "failed" not in answer, answer["failed"]
    assert [row[:6] for row in answer["rows"]] == answer["input"]
    assert [kind for _, kind in answer["columns"]][:4] == [
        "bigint",
        "timestamp",
        "decimal(3,2)",
        "array<int>",
    ]
    assert dict(answer["columns"])["cost"] == "double"
    assert dict(answer["columns"])["prompt_tokens"] == "bigint"
    assert all(answer["comments"][6:])
    assert set(asked(mesh)) == {
        "9007199254740993 0999-12-31 23:59:59.123456 1.10 [1,null] NA true",
        "7 2026-03-29 12:00:00 2.00 [] 007 false",
    }
    assert cells(answer, "error_type") == ["None", "'invalid_row'", "None"]


def test_rows_fail_as_columns_and_the_rest_stands(cluster: SparkCluster, mesh: MeshServer) -> None:
    def fault(question: str, _time: int, _call: int) -> Answer | None:
        return refusal(400, "No such thing") if "bad" in question else None

    mesh.fault = fault
    answer = cluster.run(**job(mesh, ["good", "bad", "", "fine"]))
    assert cells(answer, "error_type") == ["None", "'bad_request'", "'invalid_row'", "None"]


def test_what_ends_a_job_is_one_sentence(cluster: SparkCluster, mesh: MeshServer) -> None:
    told = job(mesh, ["one"], endpoint={"api_key": f"{KEY}-wrong"})
    answer = cluster.run(**told)
    assert "EndpointError: The LLM Mesh accepted none of the credentials" in answer["failed"]
    assert not mesh.calls


def test_settings_that_cannot_work_start_no_task(cluster: SparkCluster, mesh: MeshServer) -> None:
    told = job(mesh, ["one"], config={"user_template": "{{qestion}}"})
    answer = cluster.run(**told)
    assert "the input has no column 'qestion', perhaps 'question'" in answer["refused"]
    assert "rows" not in answer


def test_plan_events_and_logs_hold_neither_key_nor_prompt(
    cluster: SparkCluster, mesh: MeshServer
) -> None:
    """The last test: what all of them left is looked through."""
    questions = [f"{PROMPT} {n}" for n in range(4)]
    answer = cluster.run(**job(mesh, questions, actions=["plan", "rows"]))
    assert "completed(" in answer["plan"]
    left = dict(cluster.left_on_disk())
    assert any(path.is_relative_to(cluster.events) and content for path, content in left.items())
    assert any(path.name == "stderr" and content for path, content in left.items())
    found = [path for path, content in left.items() if KEY.encode() in content]
    found += [path for path, content in left.items() if PROMPT.encode() in content]
    assert not found
    assert KEY not in answer["plan"]
    assert PROMPT not in answer["plan"]
