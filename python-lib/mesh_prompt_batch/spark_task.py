"""A Spark task's surroundings: where it may write, and what of its errors reaches logs."""

import contextlib
import os
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path

from mesh_prompt_batch.errors import PromptBatchError, RunStoppedError


@contextlib.contextmanager
def in_one_sentence() -> Iterator[None]:
    """What a task raises goes into the logs of Spark, word by word: so nothing but our own words."""
    try:
        yield
    except PromptBatchError:
        raise
    except ImportError as error:
        raise RunStoppedError(
            f"The executors cannot import '{error.name}': give them the package, as docs/spark.md of mesh_prompt_batch"
            " says."
        ) from None
    except Exception as error:  # noqa: BLE001  # whatever it is, it may quote a prompt
        where = traceback.extract_tb(error.__traceback__)[-1]
        raise RunStoppedError(
            f"An error that nobody foresaw ended a task: {type(error).__name__} in"
            f" {Path(where.filename).name}, line {where.lineno}."
        ) from None


def local_directory() -> Path:
    """Where Spark has its executors put what is large and short-lived; else where Python does."""
    names = os.environ.get("SPARK_LOCAL_DIRS") or os.environ.get("LOCAL_DIRS") or ""
    for name in names.split(","):
        if os.access(name, os.W_OK):
            return Path(name)
    return Path(tempfile.gettempdir())
