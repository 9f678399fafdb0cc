"""The process and its system: the limit on open files, the wish that we end, the collector of garbage."""

import contextlib
import gc
import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

logger = logging.getLogger(__name__)

# Datasets, the log, the run store and the interpreter's own files need some too.
FILES_FOR_OTHERS = 64
# More than the calls in flight add and drop: at Python's 700 looking at them takes a tenth of a run's CPU time.
OBJECTS_BETWEEN_COLLECTIONS = 10_000


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

    def abort(number: int, _frame: FrameType | None) -> None:
        # Told a second time, it goes on closing what is open and saving what was answered.
        signal.signal(number, signal.SIG_IGN)
        raise AbortedError("The job was told to end (SIGTERM); the output keeps what it held.")

    previous = signal.signal(signal.SIGTERM, abort)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@contextlib.contextmanager
def garbage_seldom_collected() -> Iterator[None]:
    """What is there on entering, the modules above all, is not gone through again and again."""
    first, *others = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(max(first, OBJECTS_BETWEEN_COLLECTIONS), *others)
    try:
        yield
    finally:
        gc.set_threshold(first, *others)
        gc.unfreeze()


def _open_files() -> int | None:
    try:
        import resource  # noqa: PLC0415  # not on Windows
    except ImportError:
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def process_identity() -> str:
    """Names this process among all of this machine since it was started; "" where the system does not tell."""
    return _identity(os.getpid())


def is_alive(identity: str) -> bool | None:
    """Whether that process lives; None where it is of another machine or container, or nothing is known."""
    ours = process_identity()
    machine, _, process = identity.rpartition("/")
    if not ours or machine != ours.rpartition("/")[0]:
        return None
    number = process.partition("-")[0]
    return number.isdecimal() and _identity(int(number)) == identity


def _identity(number: int) -> str:
    """Boot, namespace of process numbers, number and start: numbers are used again. Linux only (proc(5))."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = Path("/proc/self/ns/pid").readlink()
        fields = Path(f"/proc/{number}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    state, started = (fields.rpartition(")")[2].split()[index] for index in (0, 19))
    # A process that has ended, but whose parent has not looked yet, is no longer at work.
    return "" if state in "ZX" else f"{boot}/{namespace}/{number}-{started}"
