"""What was answered before a run ended is in its run folder, however suddenly the end came."""

import asyncio
import os
import signal
from typing import Any

import pytest

from fakes import FakeCalls
from mesh_prompt_batch import run_tables
from mesh_prompt_batch.errors import RequestError, RunStoppedError
from mesh_prompt_batch.process import AbortedError, termination_as_exception
from mesh_prompt_batch.range_file import RangeFile
from resumable_recipe import Recipe, stopping_at

pytestmark = pytest.mark.usefixtures("nothing_is_left")

ROWS = ["bad", *(f"{n}" for n in range(15))]
AT_ONCE: dict[str, Any] = {"max_concurrency": len(ROWS), "adaptive_concurrency": False}


class Together(FakeCalls):
    """Decides all rows in the same moment."""

    async def __aenter__(self) -> Any:
        self._all_asked = asyncio.Event()
        return await super().__aenter__()

    async def _answer(self, question: str) -> Any:
        if self.in_flight == len(ROWS):
            self._all_asked.set()
        await self._all_asked.wait()
        return await super()._answer(question)


def failing(question: str) -> str | Exception:
    return RequestError("empty", "") if question == "bad" else question


@pytest.mark.parametrize("limit", [{"on_failure": "stop"}, {"max_failure_percent": 1}], ids=str)
def test_rows_that_are_answered_as_a_failure_stops_the_run_are_not_paid_twice(
    recipe: Recipe, limit: dict[str, object]
) -> None:
    with pytest.raises(RunStoppedError):
        recipe.run(ROWS, Together(failing), **AT_ONCE, **limit)
    assert recipe.run(ROWS)[1].asked == ["bad"]


def test_what_a_full_disk_has_no_room_for_reaches_the_run_folder(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    long = "word " * 10_000
    with monkeypatch.context() as small:
        small.setattr(run_tables, "SCHEMA", run_tables.SCHEMA + "PRAGMA max_page_count = 20;")
        with pytest.raises(RunStoppedError, match="is full: free some space"):
            recipe.run(ROWS, Together(lambda it: it + long), **AT_ONCE)
    assert "not saved" not in caplog.text
    assert recipe.run(ROWS)[1].asked == []
    assert recipe.target.column("completion") == [it + long for it in ROWS]


def test_answers_reach_the_run_folder_though_the_disk_cannot_keep_them_for_merging(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: RangeFile, __: bytes) -> tuple[int, int]:
        raise RunStoppedError("The disk is full.")

    with monkeypatch.context() as small:
        small.setattr(RangeFile, "append", full)
        with pytest.raises(RunStoppedError):
            recipe.run(ROWS, stopping_at("14"), max_concurrency=1)
    assert recipe.run(ROWS)[1].asked == ["14"]


def test_a_run_that_is_told_twice_to_end_still_closes_what_is_open() -> None:
    before = signal.getsignal(signal.SIGTERM)
    closed = []

    def job() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            closed.append("")

    with pytest.raises(AbortedError), termination_as_exception():
        job()
    assert closed
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_run_that_gets_no_event_loop_ends(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused() -> asyncio.AbstractEventLoop:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as crowded:
        crowded.setattr("asyncio.events.new_event_loop", refused)
        with pytest.raises(OSError, match="Too many open files"):
            recipe.run(["a"])
    assert recipe.run(["a"])[1].asked == ["a"]
