"""The driver of a Spark job, as a PySpark recipe is one: told what to do by lines of JSON, and answers by such.

Runs in the environment `spark`, in a process of its own: so it imports nothing of the tests.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
from typing import TYPE_CHECKING, Any

# Executors take the driver's own interpreter.
os.environ["PYSPARK_PYTHON"] = sys.executable

from pyspark.sql import SparkSession

from mesh_prompt_batch.errors import PromptBatchError
from mesh_prompt_batch.spark import complete, distribute

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import DataFrame


def session(conf: dict[str, str]) -> SparkSession:
    builder = SparkSession.builder.appName("prompt batch")
    for name, value in conf.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def input_of(spark: SparkSession, told: dict[str, Any]) -> DataFrame:
    """Of a query, or rows in partitions of these sizes."""
    if "sql" in told:
        return spark.sql(told["sql"])
    left = iter([tuple(it) for it in told["rows"]])
    parts = [list(itertools.islice(left, size)) for size in told["partitions"]]
    rows = spark.sparkContext.parallelize(parts, len(parts)).flatMap(lambda part: part)
    return spark.createDataFrame(rows, told["schema"])


def rows_of(frame: DataFrame) -> list[list[str]]:
    return [[repr(cell) for cell in row] for row in frame.collect()]


ACTIONS: dict[str, Callable[[DataFrame], object]] = {
    "count": lambda it: it.count(),
    "rows": rows_of,
    "coalesced": lambda it: len(it.coalesce(1).collect()),
    "columns": lambda it: [[f.name, f.dataType.simpleString()] for f in it.schema.fields],
    "comments": lambda it: [f.metadata.get("comment", "") for f in it.schema.fields],
    "plan": lambda it: it._jdf.queryExecution().toString(),
}


def done(spark: SparkSession, told: dict[str, Any]) -> dict[str, object]:
    answer: dict[str, object] = {"job": told["job"]}
    try:
        frame = input_of(spark, told)
        out = complete(frame, told["settings"], told["endpoint"])
        answer["names"] = out.columns
        for action in told["actions"]:
            answer[action] = rows_of(frame) if action == "input" else ACTIONS[action](out)
    except PromptBatchError as error:
        answer["refused"] = str(error)
    except Exception as error:  # noqa: BLE001  # what a user of Spark would read
        answer["failed"] = str(error)
    return answer


def _tell(answer: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def main() -> None:
    told = json.loads(sys.stdin.readline())
    spark = session(told["conf"])
    distribute(spark)
    _tell({"job": told["job"], "version": spark.version})
    for line in sys.stdin:
        _tell(done(spark, json.loads(line)))
    spark.stop()


if __name__ == "__main__":
    main()
