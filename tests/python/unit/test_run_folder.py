"""Small whole objects of one recipe and partition, over storage that stumbles."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import FakeFolder
from mesh_prompt_batch.errors import RunStoppedError
from mesh_prompt_batch.run_folder import RunFolder
from mesh_prompt_batch.run_state import UNREADABLE, RunState
from mesh_prompt_batch.storage_attempts import ATTEMPTS


def opened(folder: FakeFolder, slept: Callable[[float], object] = lambda _: None) -> RunFolder:
    return RunFolder(folder, ("P.answers", ""), slept)


def failing(times: int) -> tuple[FakeFolder, list[str]]:
    """Storage whose first requests fail, and what it was asked for."""
    folder, asked = FakeFolder(), list[str]()

    def trouble(action: str, name: str) -> None:
        asked.append(action)
        if len(asked) <= times:
            raise ConnectionError(name)

    folder.trouble = trouble
    return folder, asked


@given(st.binary(max_size=20), st.integers(0, ATTEMPTS - 1))
def test_what_is_written_is_read_however_storage_stumbles(data: bytes, times: int) -> None:
    folder, asked = failing(times)
    opened(folder).write_bytes("name", data)
    assert len(asked) == times + 1
    with opened(folder).read("name") as copy:
        assert copy.read() == data


def test_storage_that_only_fails_is_one_sentence_without_its_words() -> None:
    folder, asked = failing(99)
    with pytest.raises(RunStoppedError, match=r"cannot be read \(ConnectionError\): check") as told:
        opened(folder).read("canary")
    assert len(asked) == ATTEMPTS
    assert "canary" not in str(told.value)


NAMES = st.text() | st.sampled_from(["..", ".", "a/b", "P.answers"])


@given(NAMES, NAMES, NAMES, NAMES)
def test_recipes_and_partitions_keep_apart(one: str, other: str, first: str, second: str) -> None:
    paths = {
        RunFolder(FakeFolder(), place, lambda _: None).path("state.json")
        for place in {(one, first), (other, second)}
    }
    same = (one, first or "whole") == (other, second or "whole")
    assert len(paths) == (1 if same else 2)
    assert all(".." not in it.split("/") and it.count("/") == 2 for it in paths)


def test_what_is_gone_already_is_deleted() -> None:
    """Users empty the folder at any time; and storage may lose a reply, not the request."""
    folder = FakeFolder()
    opened(folder).delete("gone")

    def refuses(action: str, name: str) -> None:
        if action == "delete":
            raise PermissionError

    folder.trouble = refuses
    opened(folder).delete("gone")
    folder.objects["P.answers/whole/there"] = b""
    with pytest.raises(RunStoppedError, match=r"cannot be written \(PermissionError\)"):
        opened(folder).delete("there")


def test_a_state_that_is_being_written_is_read_again() -> None:
    folder, state = FakeFolder(), RunState("e", owner="other", beat=3)
    name = "P.answers/whole/state.json"
    folder.objects[name] = state.to_bytes()[:20]

    def finishes(_: float) -> None:
        folder.objects[name] = state.to_bytes()

    assert opened(folder, finishes).state() == state
    folder.objects[name] = b"{"
    unreadable = opened(folder).state()
    assert unreadable is not None
    assert unreadable.phase == UNREADABLE
    del folder.objects[name]
    assert opened(folder).state() is None
