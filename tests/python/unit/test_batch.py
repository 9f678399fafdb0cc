"""The use case: every row asked, in bounded memory, and written back in order when all are decided."""

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

from fakes import FakeCalls, FakeSource, FakeTarget, question_of
from memory_run import CANARY, run, source
from mesh_prompt_batch import engine
from mesh_prompt_batch.completion import Completion, CompletionRequest
from mesh_prompt_batch.errors import LlmError, RequestError, SettingsError

pytestmark = pytest.mark.usefixtures("nothing_is_left")


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


def test_a_column_that_is_gone_or_an_output_that_refuses_ends_it_before_any_call(
    tmp_path: Path,
) -> None:
    calls = FakeCalls()
    with pytest.raises(SettingsError, match="no column 'gone'"):
        run(source("a"), FakeTarget(), calls, tmp_path, user_column="gone")
    with pytest.raises(SettingsError, match="not these"):
        run(source("a"), FakeTarget(refuses="not these"), calls, tmp_path)
    assert calls.entered == 0


def test_progress_comes_soon_with_the_calls_in_flight(
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

    # Far less than the cells of the 6,000 rows, 1 kB each.
    assert peak(8_000) - peak(2_000) < 1_500_000


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
