"""A place in the run folder for one recipe and partition: small whole objects, and errors in the user's words."""

import io
import logging
import re
import sys
import tempfile
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timezone
from typing import IO, Protocol, TypeVar, cast
from urllib.parse import quote

from mesh_prompt_batch.answer_block import NewerFormatError, Stream
from mesh_prompt_batch.errors import RunStoppedError
from mesh_prompt_batch.run_id import RUN_ID
from mesh_prompt_batch.run_state import LONGEST, UNREADABLE, RunState
from mesh_prompt_batch.spend_marks import MARK_NAME, SPENT
from mesh_prompt_batch.storage_attempts import ATTEMPTS, FIRST_PAUSE_SECONDS, tried

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

STATE = "state.json"
ANSWERS = "answers/"
# Of all tasks of Spark that may take each other's answers.
SHARED_EPOCH = "all"
MOST_BYTES_IN_MEMORY = 4 * 1024 * 1024
# Some storages keep no empty object.
_MARK = b"\n"
_EPOCH = re.compile(r"[0-9]{8}T[0-9]{6}-[0-9a-f]{12}")
_EPOCHS = rf"({_EPOCH.pattern}|{SHARED_EPOCH}|{RUN_ID})"
# As `saver.py`, `attempts.py` and `spend_marks.py` name them.
_OURS = (
    re.compile(rf"{ANSWERS}{_EPOCHS}/[0-9a-f]{{12}}-(?:brought-)?[0-9]{{6,9}}"),
    re.compile(rf"{SPENT}{_EPOCHS}/{MARK_NAME}"),
)


class ObjectFolder(Protocol):
    """A managed folder, by streams of whole objects alone; used by one thread."""

    def names(self) -> list[str]: ...

    def read(self, name: str) -> AbstractContextManager[Stream]: ...

    def write(self, name: str, stream: IO[bytes]) -> None: ...

    def delete(self, name: str) -> None: ...


class RunFolder:
    """The objects below `<output>/<partition>/`. Methods raise RunStoppedError where storage fails thrice."""

    def __init__(
        self, folder: ObjectFolder, place: tuple[str, str], sleep: Callable[[float], object]
    ) -> None:
        """`place`: the full name of the output and the partition, "" where there is none.

        `sleep`: how one waits here, for storage that stumbles and for other runs.
        """
        output, partition = place
        self.name = ", partition ".join(filter(None, place))
        self._folder = folder
        self._output = output
        self._root = f"{_as_name(output)}/{_as_name(partition or 'whole')}/"
        self.sleep = sleep

    def beside(self, name: str) -> "RunFolder":
        """What the recipe's partitions have in common; no partition's names are used there."""
        return RunFolder(self._folder, (self._output, name), self.sleep)

    def path(self, name: str) -> str:
        """Where users find it in the managed folder."""
        return self._root + name

    def names_below(self, *folders: str) -> list[str]:
        """Objects of all epochs below `answers/` or the like; lists the folder once."""
        names = self._tried("read", self._folder.names)
        below = tuple(self._root + folder for folder in folders)
        return sorted(name[len(self._root) :] for name in names if name.startswith(below))

    def read(self, name: str, most: int = sys.maxsize) -> IO[bytes]:
        """A local copy, on disk where it is large, of the first `most` bytes."""
        return self._tried("read", lambda: self._copy(name, most))

    def _copy(self, name: str, most: int) -> IO[bytes]:
        copy = cast("IO[bytes]", tempfile.SpooledTemporaryFile(MOST_BYTES_IN_MEMORY))  # noqa: SIM115
        try:
            with self._folder.read(self._root + name) as stream:
                left = most
                while left > 0 and (data := stream.read(min(MOST_BYTES_IN_MEMORY, left))):
                    copy.write(data)
                    left -= len(data)
        except BaseException:
            copy.close()
            raise
        copy.seek(0)
        return copy

    def write(self, name: str, content: Callable[[], IO[bytes]]) -> None:
        """`content` is opened anew for each attempt."""
        self._tried("written", lambda: self._folder.write(self._root + name, content()))

    def write_bytes(self, name: str, data: bytes) -> None:
        self.write(name, lambda: io.BytesIO(data))

    def write_mark(self, name: str) -> None:
        """An object whose name tells all."""
        self.write_bytes(name, _MARK)

    def delete(self, name: str) -> None:
        """So that it is gone: users may empty the folder at any time."""

        def delete() -> None:
            try:
                self._folder.delete(self._root + name)
            except Exception:
                if self._root + name in self._folder.names():
                    raise

        self._tried("written", delete)

    def state(self) -> RunState | None:
        """None where there is none."""
        state = self._state_now()
        if state is not None and state.phase == UNREADABLE:
            # Storage may show an object while it is being written.
            self.sleep(FIRST_PAUSE_SECONDS)
            state = self._state_now()
        return state

    def _state_now(self) -> RunState | None:
        if self._root + STATE not in self._tried("read", self._folder.names):
            return None
        try:
            with self.read(STATE, LONGEST) as copy:
                return RunState.from_bytes(copy.read())
        except NewerFormatError:
            raise written_by_newer() from None

    def write_state(self, state: RunState) -> None:
        self.write_bytes(STATE, state.to_bytes())

    def _tried(self, what: str, action: Callable[[], Result]) -> Result:
        def failed(error: Exception, attempt: int) -> None:
            kind = type(error).__name__
            if attempt == ATTEMPTS:
                raise RunStoppedError(
                    f"The run folder cannot be {what} ({kind}): check its connection, its free space and your rights"
                    " on it, or take it off the recipe's outputs."
                ) from None
            logger.warning(f"The run folder failed ({kind}), attempt {attempt}.")

        return tried(action, failed, self.sleep)


def answers_folder(epoch: str) -> str:
    return f"{ANSWERS}{epoch}/"


def new_epoch() -> str:
    """Later ones sort behind earlier ones."""
    return f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:12]}"


def is_epoch_of_a_run(text: str) -> bool:
    return bool(_EPOCH.fullmatch(text))


def epoch_of(name: str) -> str:
    """Of one of our objects with answers or of money spent; "" of what somebody else put beside them."""
    found = next(filter(None, (it.fullmatch(name) for it in _OURS)), None)
    return found[1] if found else ""


def newest_epoch(folder: RunFolder) -> str:
    """As the names of what runs left tell it; "" where they left nothing."""
    names = folder.names_below(ANSWERS, SPENT)
    return max(filter(is_epoch_of_a_run, map(epoch_of, names)), default="")


def tell_strays(folder: RunFolder, names: Sequence[str]) -> None:
    """Of objects that are not ours: nobody reads or deletes them."""
    if names:
        logger.warning(
            f"{len(names):,} objects in the run folder were not written by this plugin and are left alone, such as"
            f" {folder.path(names[0])!r}."
        )


def written_by_newer() -> RunStoppedError:
    return RunStoppedError(
        "A newer version of the plugin wrote the answers in the run folder: update the plugin, or empty the folder,"
        " which forgets them."
    )


def _as_name(text: str) -> str:
    # Dots alone would lead out of the folder.
    return quote(text, safe=" ") if text.strip(".") else text.replace(".", "%2E")
