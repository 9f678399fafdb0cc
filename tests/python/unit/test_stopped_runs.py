"""A run that stops opens no writer and quotes nobody; where a limit stopped it, it may publish what is answered."""

import asyncio
import logging
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from fakes import FakeCalls, FakeSource, FakeTarget, forever
from memory_run import CANARY, run, source
from mesh_prompt_batch import batch
from mesh_prompt_batch.completion import Completion
from mesh_prompt_batch.errors import LlmError, RequestError, RunStoppedError, TransientError
from mesh_prompt_batch.process import AbortedError
from mesh_prompt_batch.run_store import KeyedRow, Reused, RunStore

pytestmark = pytest.mark.usefixtures("nothing_is_left")


def failing(error: Exception) -> FakeCalls:
    return FakeCalls(lambda question: error if question == "b" else question)


@pytest.mark.parametrize(
    ("calls", "config", "sentence"),
    [
        (
            failing(LlmError("quota", CANARY, status=500)),
            {},
            r"A quota blocks the LLM \(HTTP 500\)",
        ),
        (failing(LlmError("authentication", CANARY)), {}, "refused the run's credentials: check"),
        (failing(LlmError("not_found", CANARY)), {}, "no such LLM, or not for you: choose"),
        (failing(RequestError("empty", CANARY)), {"on_failure": "stop"}, "says to stop"),
        (failing(RequestError("empty", CANARY)), {"max_failure_percent": 5}, "1 of 3 rows failed"),
        (FakeCalls(lambda _: RequestError("empty", CANARY)), {}, "No row was answered"),
    ],
)
def test_a_run_that_stops_opens_no_writer_and_quotes_nobody(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    calls: FakeCalls,
    config: dict[str, object],
    sentence: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    target = FakeTarget()
    with pytest.raises(RunStoppedError, match=sentence) as caught:
        run(source("a", "b", "c"), target, calls, tmp_path, max_concurrency=1, **config)
    assert target.opened == 0
    assert caught.value.__cause__ is None
    assert CANARY not in str(caught.value) + caplog.text
    assert "Total: " in caplog.text


class AbortedSource(FakeSource):
    """Reads some rows, then the job is told to end."""

    def chunks(self, columns: Sequence[str]) -> Iterator[list[tuple[str, ...]]]:
        yield from super().chunks(columns)
        raise AbortedError


class EndlessCalls(FakeCalls):
    async def _answer(self, question: str) -> Completion:
        await forever()
        raise AssertionError("unreachable")


def test_an_abort_drops_the_calls_in_flight_and_opens_no_writer(tmp_path: Path) -> None:
    target, calls = FakeTarget(), EndlessCalls()
    data = AbortedSource(["id", "q"], [("1", "a"), ("2", "b")])
    with pytest.raises(AbortedError):
        run(data, target, calls, tmp_path)
    assert target.opened == 0
    assert (calls.in_flight, calls.cancelled) == (0, len(calls.asked))


def test_reading_stops_when_the_run_has(tmp_path: Path) -> None:
    class Watched(FakeSource):
        given = 0

        def chunks(self, columns: Sequence[str]) -> Iterator[list[tuple[str, ...]]]:
            for chunk in super().chunks(columns):
                self.given += 1
                yield chunk
                stopped.wait(0.05)

    stopped = threading.Event()

    class StoppingCalls(FakeCalls):
        async def __aexit__(self, *_: object) -> None:
            stopped.set()

    data = Watched(["q"], [("b",)] * 2000, chunk=1)
    calls = StoppingCalls(lambda _: LlmError("quota", ""))
    with pytest.raises(RunStoppedError, match="quota"):
        run(data, FakeTarget(), calls, tmp_path)
    assert data.given < 2000


def test_an_unforeseen_error_in_a_call_ends_the_run_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        run(source("a"), FakeTarget(), FakeCalls(lambda _: ZeroDivisionError()), tmp_path)


def test_whoever_is_told_to_end_while_reading_leaves_the_dataset_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Watched(FakeSource):
        closed = False

        def chunks(self, columns: Sequence[str]) -> Iterator[list[tuple[str, ...]]]:
            try:
                yield from super().chunks(columns)
            finally:
                self.closed = True

    class Interrupted(RunStore):
        def add_rows(self, first_number: int, rows: Sequence[KeyedRow]) -> Reused:
            raise KeyboardInterrupt

    data = Watched(["q"], [["a"]] * 20)
    monkeypatch.setattr(batch, "RunStore", Interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        run(data, FakeTarget(), FakeCalls(), tmp_path)
    # Its traceback keeps all frames alive, and what they hold.
    assert caught.traceback
    assert data.closed


@pytest.mark.parametrize("publishes", [False, True])
def test_a_time_limit_awaits_what_is_in_flight_and_fails_or_publishes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, publishes: bool
) -> None:
    class Slow(FakeCalls):
        async def _answer(self, question: str) -> Completion:
            await asyncio.sleep(1.5 if question == "a" else 0)
            return await super()._answer(question)

    target, calls = FakeTarget(), Slow()
    when = {"when_stopped": "write"} if publishes else {}
    limit = {"time_limit_minutes": 1 / 60, "max_concurrency": 1, **when}
    if publishes:
        totals = run(source("a", "b", "c"), target, calls, tmp_path, **limit)
        assert target.column("completion") == ["a", None, None]
        assert target.column("error_type") == [None, "stopped", "stopped"]
        assert (totals.completed, totals.rows) == (1, 3)
        assert "THE RUN STOPPED AND ITS OUTPUT IS NOT COMPLETE. 'Time limit" in caplog.text
        assert "keeps what it held" not in caplog.text
    else:
        with pytest.raises(RunStoppedError, match=r"reached after .*; 1 of 3 rows were answered"):
            run(source("a", "b", "c"), target, calls, tmp_path, **limit)
        assert target.opened == 0
    assert calls.asked == ["a"]
    assert calls.cancelled == 0


def test_a_limit_with_nothing_answered_publishes_nothing(tmp_path: Path) -> None:
    def asks_for_patience(question: str) -> Exception:
        return TransientError("rate_limit", CANARY, status=429, retry_after=900)

    target = FakeTarget()
    with pytest.raises(RunStoppedError, match=r"allows \(600\): run again.*; 0 of 1 rows"):
        run(source("a"), target, FakeCalls(asks_for_patience), tmp_path, when_stopped="write")
    assert target.opened == 0


def test_a_pause_longer_than_allowed_stops_cleanly(tmp_path: Path) -> None:
    def asks_for_patience(question: str) -> str | Exception:
        if question == "a":
            return "a"
        return TransientError("rate_limit", CANARY, status=429, retry_after=900)

    target = FakeTarget()
    calls = FakeCalls(asks_for_patience)
    run(source("a", "b", "c"), target, calls, tmp_path, when_stopped="write", max_concurrency=1)
    assert target.column("error_type") == [None, "stopped", "stopped"]
    with pytest.raises(
        RunStoppedError, match=r"'Longest wait \(seconds\)' allows \(600\): run again"
    ):
        run(source("a", "b"), FakeTarget(), FakeCalls(asks_for_patience), tmp_path)
