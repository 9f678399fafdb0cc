"""A place in the run folder for one recipe and partition: small whole objects, and errors in the user's words."""

import contextlib
import io
import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import IO, Protocol, TypeVar, cast
from urllib.parse import quote

from mesh_prompt_batch.answer_block import NewerFormatError, Stream
from mesh_prompt_batch.errors import PromptBatchError, RunStoppedError
from mesh_prompt_batch.run_state import LONGEST, UNREADABLE, RunState

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

STATE = "state.json"
ANSWERS = "answers/"
ATTEMPTS = 3
FIRST_PAUSE_SECONDS = 0.5
MOST_BYTES_IN_MEMORY = 4 * 1024 * 1024


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
        """`place`: the full name of the output and the partition, "" where there is none."""
        output, partition = place
        self.name = ", partition ".join(filter(None, place))
        self._folder = folder
        self._output = output
        self._root = f"{_as_name(output)}/{_as_name(partition or 'whole')}/"
        self._sleep = sleep

    def beside(self, name: str) -> "RunFolder":
        """What the recipe's partitions have in common; no partition's names are used there."""
        return RunFolder(self._folder, (self._output, name), self._sleep)

    def path(self, name: str) -> str:
        """Where users find it in the managed folder."""
        return self._root + name

    def names_below(self, folder: str) -> list[str]:
        """Objects of all epochs below `answers/` or the like."""
        names = self._tried("read", self._folder.names)
        below = self._root + folder
        return sorted(name[len(self._root) :] for name in names if name.startswith(below))

    def read(self, name: str) -> IO[bytes]:
        """A local copy, on disk where it is large."""
        return self._tried("read", lambda: self._copy(name))

    def _copy(self, name: str) -> IO[bytes]:
        copy = cast("IO[bytes]", tempfile.SpooledTemporaryFile(MOST_BYTES_IN_MEMORY))  # noqa: SIM115
        try:
            with self._folder.read(self._root + name) as stream:
                while data := stream.read(MOST_BYTES_IN_MEMORY):
                    copy.write(data)
        except BaseException:
            copy.close()
            raise
        copy.seek(0)
        return copy

    def write(self, name: str, content: Callable[[], IO[bytes]]) -> None:
        """`content` is opened anew for each attempt."""
        self._tried("written", lambda: self._folder.write(self._root + name, content()))

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
            self._sleep(FIRST_PAUSE_SECONDS)
            state = self._state_now()
        return state

    def _state_now(self) -> RunState | None:
        if self._root + STATE not in self._tried("read", self._folder.names):
            return None
        try:
            with self.read(STATE) as copy:
                return RunState.from_bytes(copy.read(LONGEST))
        except NewerFormatError:
            raise written_by_newer() from None

    def write_state(self, state: RunState) -> None:
        data = state.to_bytes()
        self.write(STATE, lambda: io.BytesIO(data))

    def _tried(self, what: str, action: Callable[[], Result]) -> Result:
        for attempt in range(1, ATTEMPTS):
            try:
                return action()
            except Exception as error:  # noqa: BLE001  # any storage, any error: try again, then say so
                logger.warning(
                    f"The run folder failed ({type(error).__name__}), attempt {attempt}."
                )
                self._sleep(FIRST_PAUSE_SECONDS * attempt)
        with _in_words(what):
            return action()


def answers_folder(epoch: str) -> str:
    return f"{ANSWERS}{epoch}/"


def written_by_newer() -> RunStoppedError:
    return RunStoppedError(
        "A newer version of the plugin wrote the answers in the run folder: update the plugin, or empty the folder,"
        " which forgets them."
    )


@contextlib.contextmanager
def _in_words(what: str) -> Iterator[None]:
    try:
        yield
    except PromptBatchError:
        raise
    except Exception as error:  # noqa: BLE001  # as above
        raise RunStoppedError(
            f"The run folder cannot be {what} ({type(error).__name__}): check its connection, its free space and your"
            " rights on it, or take it off the recipe's outputs."
        ) from None


def _as_name(text: str) -> str:
    # Dots alone would lead out of the folder.
    return quote(text, safe=" ") if text.strip(".") else text.replace(".", "%2E")
