"""`complete`: a Spark DataFrame with an LLM's answers; the executors make the calls."""

import itertools
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyspark import TaskContext
from pyspark.sql import functions
from pyspark.sql.types import (
    ArrayType,
    BooleanType,
    DataType,
    DoubleType,
    LongType,
    MapType,
    StringType,
    StructField,
    StructType,
)

from mesh_prompt_batch.output import Column
from mesh_prompt_batch.row_index import IndexName
from mesh_prompt_batch.run_folder import RunFolder
from mesh_prompt_batch.spark_errors import in_one_sentence, local_directory
from mesh_prompt_batch.spark_plan import SparkPlan, planned_job

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

_TYPES: Mapping[str, DataType] = {
    "string": StringType(),
    "bigint": LongType(),
    "double": DoubleType(),
    "boolean": BooleanType(),
}
_TEXT = "mesh_prompt_batch_text_"
# In the run folder.
PLACE = "spark"


def complete(
    df: "DataFrame", settings: Mapping[str, object], endpoint: Mapping[str, object]
) -> "DataFrame":
    """`df` with the recipe's columns behind its own, when an action runs.

    `settings`: the recipe's parameters by name. `endpoint`: `url`, `project_key`, `run_folder` (the id of a managed
    folder) and `api_key`, or `api_key_variable` in its place; see docs/spark.md. Raises SettingsError before any task
    starts. Calls that Spark makes us repeat, by retries or by a second action, are not paid again.
    """
    fields = {it.name: it for it in df.schema.fields}
    described: list[Column] = [
        {"name": it.name, "type": it.dataType.simpleString()} for it in df.schema.fields
    ]
    plan = planned_job(described, settings, endpoint)
    limited = df if plan.row_limit is None else df.limit(plan.row_limit)
    texts = [_as_text(fields[name]).alias(f"{_TEXT}{at}") for at, name in enumerate(plan.texts)]
    prepared = limited.select(*(_column(name) for name in plan.kept), *texts)
    added = [
        StructField(str(it["name"]), _TYPES[str(it["type"])], True, {"comment": it["comment"]})  # noqa: FBT003  # nullable
        for it in plan.added
    ]
    schema = StructType([*(fields[name] for name in plan.kept), *added])
    # Arrow, not pandas: that has no integers beside nulls, and no timestamps before 1677.
    return prepared.mapInArrow(_Partition(plan).completed, schema)


def _column(name: str) -> Any:  # noqa: ANN401  # Column of Spark, classic or Connect
    return functions.col(f"`{name.replace('`', '``')}`")


def _as_text(field: StructField) -> Any:  # noqa: ANN401  # as above
    if isinstance(field.dataType, (ArrayType, MapType, StructType)):
        return functions.to_json(_column(field.name))
    return _column(field.name).cast("string")


def _stage() -> int:
    context = TaskContext.get()
    return -1 if context is None else context.stageId()


@dataclass(frozen=True, slots=True)
class _Partition:
    """What Spark sends to the executors."""

    plan: SparkPlan

    def completed(self, batches: "Iterator[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
        with in_one_sentence():
            filled = (it for it in batches if it.num_rows)
            first = next(filled, None)
            if first is not None:
                yield from self._asked(itertools.chain([first], filled))

    def _asked(self, batches: "Iterator[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
        # Here, for the driver needs none of them.
        from mesh_prompt_batch.adapters import mesh, mesh_calls, price_list  # noqa: PLC0415
        from mesh_prompt_batch.adapters.arrow_batches import SpooledBatches  # noqa: PLC0415
        from mesh_prompt_batch.adapters.folder_api import ApiFolder  # noqa: PLC0415
        from mesh_prompt_batch.credentials import first_accepted  # noqa: PLC0415
        from mesh_prompt_batch.partition_content import PartitionContent  # noqa: PLC0415
        from mesh_prompt_batch.partition_run import Task, complete_partition  # noqa: PLC0415

        plan, endpoint = self.plan, self.plan.endpoint
        settings, key, directory = plan.settings(), endpoint.key(), local_directory()

        def folder(folder_id: str) -> ApiFolder:
            return ApiFolder(
                endpoint.url, key, endpoint.project_key, folder_id, verify=endpoint.verify
            )

        positions = dict(zip(plan.read, plan.positions, strict=True))
        with SpooledBatches(batches, positions, directory) as source:
            content = PartitionContent(plan.config)
            for chunk in source.chunks(plan.read):
                content.add(chunk)
            rows = complete_partition(
                source,
                settings,
                lambda it: mesh_calls.MeshCalls(
                    lambda: first_accepted([endpoint.mesh()], mesh.list_llm_ids, time.sleep),
                    timeout_seconds=it.run.timeout_seconds,
                    max_connections=it.run.limits.max_concurrency,
                    stream=it.run.stream,
                ),
                Task(
                    directory,
                    lambda: RunFolder(
                        folder(endpoint.run_folder), (PLACE, content.name), time.sleep
                    ),
                    IndexName(content.name, plan.run, _stage(), plan.started),
                    content.marks,
                    plan.started,
                    (lambda: folder(endpoint.images)) if endpoint.images else None,
                    price_list.list_price,
                ),
            )
            yield from source.completed(rows, len(plan.kept), plan.added)
