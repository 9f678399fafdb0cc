"""`make spark-demo`: product reviews, labelled by a Spark job of two executors, one of which is killed on the way.

The model is the embedded one, or any OpenAI-compatible endpoint given by BASE_URL, API_KEY and LLM_ID. Needs Java 17.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [
    str(ROOT / it) for it in ("", "tests", "tests/standin", "tests/python", "python-lib")
]

from scripts.demo import (  # noqa: E402  # needs the path
    FOLDER,
    INSIDE,
    PROJECT_KEY,
    heading,
    print_table,
    read_csv,
    settings_of,
    upstream,
)
from scripts.venv import VenvError, venv_python  # noqa: E402

from embedded.model import EmbeddedModelError  # noqa: E402
from spark_cluster import SparkCluster, spark_cluster, why_there_is_none  # noqa: E402

if TYPE_CHECKING:
    from local_dss.mesh_server import MeshServer, Upstream

COLUMNS = ("review_id", "product", "label", "system_message", "user_message")
SHOWN = ("review_id", "product", "label", "completion", "source", "attempts")
PARTITION_ROWS, CALLS_BEFORE_KILL, SHOWN_ROWS, WIDEST_CELL = 7, 10, 8, 60
STARTING_SECONDS = 600.0


def main() -> int:
    """Exit code 2 where Spark cannot run or no model can be had, 1 where the job failed."""
    if why := why_there_is_none():
        print(why, file=sys.stderr)
        return 2
    try:
        python = venv_python("dss")
        venv_python("spark")
        if os.environ.get(INSIDE) != "1":
            # The stand-in needs the packages that Dataiku has.
            inside = {**os.environ, INSIDE: "1"}
            return subprocess.run([str(python), __file__], env=inside, check=False).returncode
        with upstream() as model:
            return demo(model)
    except (EmbeddedModelError, VenvError) as error:
        print(error, file=sys.stderr)
        return 2


def demo(model: Upstream) -> int:
    from local_dss.mesh_server import MeshServer  # noqa: PLC0415  # only the dss environment has what it needs
    from local_dss.project import Project  # noqa: PLC0415
    from local_dss.project_api import ProjectApi  # noqa: PLC0415

    home = FOLDER / "spark"
    shutil.rmtree(home, ignore_errors=True)
    project = Project(home / "project", PROJECT_KEY)
    project.managed_folder("run_folder").mkdir(parents=True)
    llm = {"id": f"openai:demo:{model.model}", "purposes": ["GENERIC_COMPLETION"]}
    with MeshServer(llms=[llm], upstream=model, project=ProjectApi(project)) as mesh:
        mesh.gate.project_key = PROJECT_KEY
        (home / "cluster").mkdir()
        with spark_cluster(home / "cluster", {}) as cluster:
            return show(cluster, mesh, job_of(mesh, str(llm["id"])))


def job_of(mesh: MeshServer, llm_id: str) -> dict[str, Any]:
    """The reviews in partitions, as the driver of the tests takes them."""
    reviews = [[it[name] for name in COLUMNS] for it in read_csv(ROOT / "examples/reviews.csv")]
    return {
        "rows": reviews,
        "schema": ", ".join(f"{name} string" for name in COLUMNS),
        "partitions": [PARTITION_ROWS] * (len(reviews) // PARTITION_ROWS),
        "settings": {
            **settings_of("reviews.settings.json"),
            "llm_id": llm_id,
            "max_concurrency": 2,
            "output_columns": "full",
        },
        "endpoint": {
            "url": mesh.backend,
            "project_key": PROJECT_KEY,
            "api_key": "dku-personal-key",
            "run_folder": "run_folder",
        },
        "actions": ["rows"],
    }


def show(cluster: SparkCluster, mesh: MeshServer, job: dict[str, Any]) -> int:
    rows, parts = len(job["rows"]), len(job["partitions"])
    heading(f"A Spark job: {rows} reviews in {parts} partitions, two executors")
    started = time.monotonic()
    cluster.start(**job)
    mesh.wait_for_calls(CALLS_BEFORE_KILL, STARTING_SECONDS)
    print(f"After {len(mesh.calls)} calls an executor is killed: {cluster.kill_one_executor()}.")
    answer = cluster.answer()
    if "failed" in answer:
        print(answer["failed"], file=sys.stderr)
        return 1
    table = [dict(zip(answer["names"], map(ast.literal_eval, row))) for row in answer["rows"]]  # noqa: B905  # equal
    shown = [[textwrap.shorten(str(it[name]), WIDEST_CELL) for name in SHOWN] for it in table]
    print()
    print_table(SHOWN, shown[:SHOWN_ROWS])
    right = sum(str(it["completion"]).strip().rstrip(".") == it["label"] for it in table)
    paid = len(mesh.calls)
    print(
        f"\nLabels right: {right} of {len(table)}. The job took {time.monotonic() - started:.1f} s."
    )
    print(f"{paid} calls for {rows} rows: {paid - rows} were paid twice, for the executor's end.")

    heading("The same once more, counted")
    count = cluster.run(**{**job, "actions": ["count"]})["count"]
    print(f"{count} rows, {len(mesh.calls) - paid} calls: the answers lie in the run folder.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
