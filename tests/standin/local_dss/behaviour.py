"""The questions about DSS that have no public answer: each has two, and tests run both."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The defaults are the stricter answers.

    zero_rows_give_a_chunk: reading an empty dataset gives one empty frame, or none at all.
    failed_writer: rows written before an exception inside `with writer` are kept ("commit") or not ("discard").
    extra_keys_raise: `write_row_dict` refuses columns that the schema has not, or drops them.
    integers_as_floats: an INT of the form arrives as 500.0.
    absent_keys: fields that were never touched are absent, or "" and None.
    storage_refuses: a text no cell may hold; PostgreSQL refuses NUL.
    folder_seconds: what every request to a managed folder takes; S3 takes about 0.1.
    folder_refuses_writes_after: uploads until a managed folder is full, or read-only when 0; None: never.
    folder_fails_every: every so many requests to a managed folder fail; 0: none.
    log_level: of the root logger, which is DSS's own.
    working_directory: where the job finds itself; "": in a folder of its own.
    largest_file: bytes that any file of the process may have, as a quota or a full disk allow; None: no limit.
    failing_lookups: which look-ups of a host name find nothing, counted from 1.
    unreachable_folder: name of a managed folder whose storage does not answer.
    partition_told: a recipe finds the partition that it writes in its dataset's `writePartition` ("attribute"), or in
        `dataiku.dku_flow_variables` alone ("variables").
    folder_beside_partitions: outputs may be a partitioned dataset and a folder without partitions; else such a job
        fails before its code runs.
    empty_inputs_refused: a job with an input that has no rows fails before its code runs, as one without files does.
    metrics_refused: the backend does not take metrics from outside.
    killed_at: see local_dss/moments.py; not a question about DSS but to it.
    """

    zero_rows_give_a_chunk: bool = False
    failed_writer: str = "commit"
    extra_keys_raise: bool = True
    integers_as_floats: bool = True
    absent_keys: bool = True
    storage_refuses: str = ""
    folder_seconds: float = 0.0
    folder_refuses_writes_after: int | None = None
    folder_fails_every: int = 0
    log_level: str = "INFO"
    working_directory: str = ""
    largest_file: int | None = None
    failing_lookups: Sequence[int] = ()
    unreachable_folder: str = ""
    partition_told: str = "attribute"
    folder_beside_partitions: bool = True
    empty_inputs_refused: bool = False
    metrics_refused: bool = False
    killed_at: str = ""
