"""What the operating system has to say: the limit on open files, and the wish that we end."""

import contextlib
import logging
import signal
from collections.abc import Iterator
from types import FrameType

logger = logging.getLogger(__name__)

# Datasets, the log, the run store and the interpreter's own files need some too.
FILES_FOR_OTHERS = 64


class AbortedError(BaseException):
    """The job was told to end (SIGTERM). No `except Exception` on the way up may hold it back."""


def affordable_concurrency(wanted: int) -> int:
    """`wanted`, or as many connections as this process may open, said in the log."""
    limit = _open_files()
    affordable = wanted if limit is None else max(1, min(wanted, limit - FILES_FOR_OTHERS))
    if affordable < wanted:
        logger.warning(
            f"Calls at once: {affordable} instead of {wanted}, as this process may open {limit} files."
        )
    return affordable


@contextlib.contextmanager
def termination_as_exception() -> Iterator[None]:
    """SIGTERM raises AbortedError in the main thread, so that what was opened is closed. Main thread only."""

    def abort(_number: int, _frame: FrameType | None) -> None:
        raise AbortedError("The job was told to end (SIGTERM); the output keeps what it held.")

    previous = signal.signal(signal.SIGTERM, abort)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _open_files() -> int | None:
    try:
        import resource  # noqa: PLC0415  # not on Windows
    except ImportError:
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft
