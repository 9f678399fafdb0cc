"""The use case: every row asked, written back in order when all are decided, or nothing written at all."""

import asyncio
import logging
import threading
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from fakes import FakeCalls, FakeSource, FakeTarget, forever, question_of
from mesh_prompt_batch import batch, engine
from mesh_prompt_batch.batch import complete_dataset
from mesh_prompt_batch.completion import Completion, CompletionRequest
from mesh_prompt_batch.errors import (
    LlmError,
    RequestError,
    RunStoppedError,
    SettingsError,
    TransientError,
)
from mesh_prompt_batch.process import AbortedError
from mesh_prompt_batch.run_parts import Workplace
from mesh_prompt_batch.run_store import KeyedRow, Reused, RunStore
from mesh_prompt_batch.settings import Settings
from mesh_prompt_batch.totals import Totals

CANARY = "canary-2b91"


def settings(**config: object) -> Settings:
    return Settings.from_config({"llm_id": "llm", "user_column": "q", **config}, {})


def source(*questions: str, chunk: int = 7) -> FakeSource:
    return FakeSource(["id", "q"], [(str(n), it) for n, it in enumerate(questions)], chunk)


def run(
    data: FakeSource, target: FakeTarget, calls: FakeCalls, directory: Path, **config: object
) -> Totals:
    place = Workplace(directory)
    return complete_dataset(data, target, settings(**config), lambda _: calls, place)


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path) -> Iterator[None]:
    yield
    assert not [it for it in threading.enumerate() if it.name == "prompt-batch"]
    assert not [it for it in tmp_path.iterdir() if not it.name.endswith(".sqlite")]


@given(
    st.lists(st.sampled_from([0, 1, 5, 20, "fails", "blank"]), min_size=1, max_size=40),
    st.integers(1, 8),
    st.integers(1, 9),
)
@example_settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_rows_come_out_in_order_each_with_its_own_answer_however_calls_end(
    tmp_path: Path, fates: list[Any], size: int, chunk: int
) -> None:
    questions = ["" if fate == "blank" else f"{n} {fate}" for n, fate in enumerate(fates)]

    def rule(question: str) -> str | Exception | int:
        fate = question.split()[1]
        return RequestError("bad_request", question) if fate == "fails" else int(fate)

    calls, target = FakeCalls(rule), FakeTarget()
    data = source(*questions, "last 0", chunk=chunk)
    totals = run(data, target, calls, tmp_path, max_concurrency=size)
    assert target.column("id") == [row[0] for row in data.rows]
    failed = {"fails": "bad_request", "blank": "invalid_row"}
    assert target.column("error_type") == [*(failed.get(fate) for fate in fates), None]
    answers = [None if fate in failed else q for q, fate in zip(questions, fates, strict=True)]
    assert target.column("completion") == [*answers, "last 0"]
    assert calls.most_in_flight <= size
    assert sorted(calls.asked) == sorted(q for q in (*questions, "last 0") if q)
    assert (totals.decided, calls.in_flight, calls.left) == (len(fates) + 1, 0, 1)


def test_zero_rows_write_the_schema_and_nothing_else(tmp_path: Path) -> None:
    target = FakeTarget()
    run(source(), target, FakeCalls(), tmp_path)
    assert target.content == []
    assert target.schema[0]["name"] == "id"


@pytest.mark.parametrize("limit", [1, 7, 8, 100])
def test_a_row_limit_reads_just_those(tmp_path: Path, limit: int) -> None:
    target, calls = FakeTarget(), FakeCalls()
    run(source(*"abcdefghijklmnop"), target, calls, tmp_path, row_limit=limit)
    assert target.column("q") == list("abcdefghijklmnop")[:limit]
    assert len(calls.asked) == min(limit, 16)


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


def test_a_column_that_is_gone_or_an_output_that_refuses_ends_it_before_any_call(
    tmp_path: Path,
) -> None:
    calls = FakeCalls()
    with pytest.raises(SettingsError, match="no column 'gone'"):
        run(source("a"), FakeTarget(), calls, tmp_path, user_column="gone")
    with pytest.raises(SettingsError, match="not these"):
        run(source("a"), FakeTarget(refuses="not these"), calls, tmp_path)
    assert calls.entered == 0


def test_a_write_that_fails_is_tried_again_from_the_store(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    target, calls = FakeTarget(broken=2), FakeCalls()
    run(source(CANARY), target, calls, tmp_path)
    assert (target.opened, target.column("completion"), calls.asked) == (3, [CANARY], [CANARY])
    assert "Writing the output failed (OSError), attempt 2 of 3." in caplog.text
    assert CANARY not in caplog.text


@pytest.mark.parametrize(("appends", "attempts"), [(False, 3), (True, 1)])
def test_what_cannot_be_written_is_kept_and_named(
    tmp_path: Path, appends: bool, attempts: int
) -> None:
    target = FakeTarget(appends=appends, broken=9)
    with pytest.raises(RunStoppedError) as caught:
        run(source("a"), target, FakeCalls(), tmp_path)
    (kept,) = tmp_path.glob("*.sqlite")
    assert str(kept) in str(caught.value)
    assert target.opened == attempts


def test_a_writer_that_lost_rows_is_not_believed(tmp_path: Path) -> None:
    with pytest.raises(RunStoppedError, match="Of 2 rows 1 were written to the output"):
        run(source("a", "b"), FakeTarget(loses=1), FakeCalls(), tmp_path)


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


def test_progress_comes_soon_and_then_at_longer_pauses(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(engine, "FIRST_REPORT_SECONDS", 0.001)
    seen = threading.Event()
    # Earlier lines may come before the last row is read, or before its call.
    line = "0/1 rows, 0.0 rows/s, 0 failed, tokens unknown, 1 calls in flight"

    class SlowCalls(FakeCalls):
        async def _answer(self, question: str) -> Completion:
            while not seen.is_set():
                await asyncio.sleep(0.001)
                if line in caplog.text:
                    seen.set()
            return await super()._answer(question)

    run(source("a"), FakeTarget(), SlowCalls(), tmp_path)
    assert line in caplog.text


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    def peak(rows: int) -> int:
        class Generated(FakeSource):
            def chunks(self, columns: Sequence[str]) -> Iterator[list[tuple[str, ...]]]:
                for start in range(0, rows, 500):
                    yield [(f"{n} " + "x" * 1000,) for n in range(start, start + 500)]

        class Counting(FakeTarget):
            def write(self, schema: Any, rows: Any) -> int:
                return sum(1 for _ in rows)

        class Quiet(FakeCalls):
            async def _complete(self, request: CompletionRequest) -> Completion:
                return await self._answer(question_of(request))

        tracemalloc.start()
        run(Generated(["q"], []), Counting(), Quiet(), tmp_path)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(8_000) < 3 * peak(2_000)


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


def test_an_llm_id_column_that_holds_the_prompts_shows_none_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def rule(question: str) -> str | Exception:
        return LlmError("not_found", "", status=404) if "first" in question else question

    caplog.set_level(logging.DEBUG)
    questions = (f"the first {CANARY}", f"the second {CANARY}")
    run(source(*questions), FakeTarget(), FakeCalls(rule), tmp_path, llm_id_column="q")
    assert "is given up, other LLMs go on" in caplog.text
    assert "No price is known for (an LLM id of 22 characters" in caplog.text
    assert CANARY not in caplog.text
