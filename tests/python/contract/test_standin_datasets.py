"""The stand-in's datasets are no kinder than those of DSS: the traps are there."""

import threading
from typing import Any

import pandas as pd
import pytest

import dataiku
from job_here import SCHEMA, Job
from local_dss.behaviour import Behaviour
from local_dss.project import DatasetError, Project


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
