"""`complete`: a Spark DataFrame with an LLM's answers; the executors make the calls."""

import atexit
import itertools
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
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
from mesh_prompt_batch.package_zip import zipped_package
from mesh_prompt_batch.row_index import IndexName
from mesh_prompt_batch.run_folder import RunFolder
from mesh_prompt_batch.settings import Settings
from mesh_prompt_batch.spark_plan import SparkPlan, planned_job
from mesh_prompt_batch.spark_task import in_one_sentence, local_directory

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from mesh_prompt_batch.adapters.mesh_calls import MeshCalls
    from mesh_prompt_batch.partition_content import PartitionContent
    from mesh_prompt_batch.partition_run import Task

_TYPES: Mapping[str, DataType] = {
    "string": StringType(),
    "bigint": LongType(),
    "double": DoubleType(),
    "boolean": BooleanType(),
}
_KEPT, _TEXT = "mesh_prompt_batch_kept_", "mesh_prompt_batch_text_"
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
    # Spark itself stumbles over its columns' dots.
    kept = [_column(name).alias(f"{_KEPT}{at}") for at, name in enumerate(plan.kept)]
    prepared = limited.select(*kept, *texts)
    added = [
        StructField(str(it["name"]), _TYPES[str(it["type"])], True, {"comment": it["comment"]})  # noqa: FBT003  # nullable
        for it in plan.added
    ]
    schema = StructType([*(fields[name] for name in plan.kept), *added])
    # Arrow, not pandas: that has no integers beside nulls, and no timestamps before 1677.
    return prepared.mapInArrow(_Partition(plan).completed, schema)


def distribute(spark: "SparkSession") -> None:
    """Have the executors import this package as it is here; before the first action."""
    folder = tempfile.mkdtemp(prefix="prompt-batch-")
    # Executors that start later come for it later.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    spark.sparkContext.addPyFile(str(zipped_package(Path(folder))))


def _column(name: str) -> Any:  # noqa: ANN401  # Column of Spark, classic or Connect
    return functions.col(f"`{name.replace('`', '``')}`")


def _as_text(field: StructField) -> Any:  # noqa: ANN401  # as above
    if isinstance(field.dataType, (ArrayType, MapType, StructType)):
        return functions.to_json(_column(field.name))
    return _column(field.name).cast("string")


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
        # Here and below, for the driver needs none of them.
        from mesh_prompt_batch.adapters.arrow_batches import SpooledBatches  # noqa: PLC0415
        from mesh_prompt_batch.partition_content import PartitionContent  # noqa: PLC0415
        from mesh_prompt_batch.partition_run import complete_partition  # noqa: PLC0415

        plan = self.plan
        settings = plan.settings()
        positions = dict(zip(plan.read, plan.positions, strict=True))
        with SpooledBatches(batches, positions, local_directory()) as source:
            content = PartitionContent(plan.config)
            for chunk in source.chunks(plan.read):
                content.add(chunk)
            rows = complete_partition(
                source, settings, lambda: self._calls(settings), self._task(content)
            )
            yield from source.completed(rows, plan.kept, plan.added)

    def _calls(self, settings: Settings) -> "MeshCalls":
        from mesh_prompt_batch.adapters import mesh, mesh_calls  # noqa: PLC0415
        from mesh_prompt_batch.credentials import first_accepted  # noqa: PLC0415

        endpoint = self.plan.endpoint
        return mesh_calls.calls_of_run(
            settings.run,
            lambda: first_accepted([endpoint.mesh()], mesh.list_llm_ids, time.sleep),
        )

    def _task(self, content: "PartitionContent") -> "Task":
        from mesh_prompt_batch.adapters.folder_api import ApiFolder  # noqa: PLC0415
        from mesh_prompt_batch.adapters.price_list import list_price  # noqa: PLC0415
        from mesh_prompt_batch.partition_run import Task  # noqa: PLC0415

        plan, endpoint = self.plan, self.plan.endpoint
        way = (endpoint.url, endpoint.key(), endpoint.project_key)

        def folder(folder_id: str) -> ApiFolder:
            return ApiFolder(*way, folder_id, verify=endpoint.verify)

        context = TaskContext.get()
        stage = -1 if context is None else context.stageId()
        return Task(
            local_directory(),
            lambda: RunFolder(folder(endpoint.run_folder), (PLACE, content.name), time.sleep),
            IndexName(content.name, plan.run, stage, plan.started),
            content.marks,
            plan.started,
            (lambda: folder(endpoint.images)) if endpoint.images else None,
            list_price,
        )
