"""However a run ended, the next one goes on: no answer is paid twice, and the log says so."""

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from fakes import FakeCalls, FakeSource, FakeTarget
from mesh_prompt_batch.batch import complete_dataset
from mesh_prompt_batch.checkpoint import FolderCheckpoint, Reuse
from mesh_prompt_batch.errors import LlmError, RequestError, RunStoppedError, TransientError
from mesh_prompt_batch.process import AbortedError
from mesh_prompt_batch.run_parts import Workplace
from mesh_prompt_batch.run_state import WRITING
from mesh_prompt_batch.run_store import RunStore
from mesh_prompt_batch.settings import Settings
from resumable_recipe import STATE, Recipe, stopping_at

pytestmark = pytest.mark.usefixtures("nothing_is_left")


@given(
    st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=30),
    st.lists(st.sampled_from("abcdefghij"), max_size=4),
    st.booleans(),
    st.integers(1, 4),
)
@example_settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_however_often_it_stops_no_answer_is_paid_twice(
    tmp_path: Path, questions: list[str], stops: list[str], once: bool, size: int
) -> None:
    recipe, paid = Recipe(tmp_path), list[str]()
    config = {"send_identical_rows_once": once, "max_concurrency": size}
    in_flight = 0
    for stop in stops:
        calls = FakeCalls(stopping_at(stop))
        try:
            recipe.run(questions, calls, **config)
        except RunStoppedError:
            in_flight += calls.cancelled + calls.asked.count(stop)
        else:
            paid += calls.asked
            break
        paid += calls.asked
        assert recipe.target.opened == 0
    else:
        _, calls = recipe.run(questions, **config)
        paid += calls.asked
    assert recipe.target.column("completion") == questions
    needed = len(set(questions)) if once else len(questions)
    assert len(paid) <= needed + in_flight


def test_a_resumed_row_says_so_and_keeps_its_tokens(recipe: Recipe) -> None:
    with pytest.raises(RunStoppedError, match=r"1( of 3)? rows were answered, 0 failed"):
        recipe.run(["a", "b", "c"], stopping_at("b"), max_concurrency=1)
    totals, calls = recipe.run(["a", "b", "c"])
    assert calls.asked == ["b", "c"]
    assert recipe.target.column("source") == ["resumed", "call", "call"]
    assert recipe.target.column("attempts") == [0, 1, 1]
    assert recipe.target.column("prompt_tokens") == [2, 2, 2]
    assert json.loads(str(recipe.target.column("raw_response")[0]))["choices"]
    assert (totals.resumed, totals.completed) == (1, 2)


def test_failed_rows_are_asked_again_and_a_run_without_them_is_closed(recipe: Recipe) -> None:
    recipe.run(["a", "b"], lambda it: RequestError("empty", "") if it == "b" else it)
    assert recipe.target.column("error_type") == [None, "empty"]
    assert recipe.run(["a", "b", "new"])[1].asked == ["b", "new"]
    assert recipe.target.column("completion") == ["a", "b", "new"]
    assert recipe.run(["a", "b", "new"])[1].asked == ["a", "b", "new"]
    assert len(recipe.answers()) == 1


def test_copies_share_the_fate_of_their_original(recipe: Recipe) -> None:
    totals, calls = recipe.run(
        ["a", "bad", "a", "bad"],
        lambda it: RequestError("empty", "none") if it == "bad" else it,
        max_failure_percent=50,
    )
    assert sorted(calls.asked) == ["a", "bad"]
    assert recipe.target.column("completion") == ["a", None, "a", None]
    assert recipe.target.column("error_message") == [None, "none", None, "none"]
    assert recipe.target.column("source") == ["call", "call", "identical", "identical"]
    assert totals.identical == 2


class SlowAtB(FakeCalls):
    """Answers "b" after the time limit of a test."""

    async def _answer(self, question: str) -> Any:
        await asyncio.sleep(1.5 if question == "b" else 0)
        return await super()._answer(question)


def raising(error: BaseException) -> Callable[[str], Any]:
    def rule(question: str) -> str:
        if question == "b":
            raise error
        return question

    return rule


# How a run may end after "a" was answered, and what the next one asks.
ENDS: dict[str, tuple[Any, dict[str, object], str]] = {
    "time limit": (SlowAtB(), {"time_limit_minutes": 1 / 60}, "cd"),
    "a long pause": (
        raising(TransientError("rate_limit", "", status=429, retry_after=900)),
        {},
        "bcd",
    ),
    "quota": (raising(LlmError("quota", "")), {}, "bcd"),
    "credentials": (raising(LlmError("authentication", "")), {}, "bcd"),
    "first failure": (raising(RequestError("empty", "")), {"on_failure": "stop"}, "bcd"),
    "too many failures": (raising(RequestError("empty", "")), {"max_failure_percent": 1}, "b"),
    "an abort": (raising(AbortedError()), {}, "bcd"),
    "an error of ours": (raising(ZeroDivisionError()), {}, "bcd"),
}


@pytest.mark.parametrize("end", ENDS)
def test_however_a_run_ended_the_next_one_goes_on_and_the_log_says_so(
    recipe: Recipe, end: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    rule, config, left = ENDS[end]
    rows = ["a", "b", "c", "d"]
    with pytest.raises((RunStoppedError, AbortedError, ZeroDivisionError)):
        recipe.run(rows, rule, max_concurrency=1, **config)
    assert recipe.target.opened == 0
    assert "Read 4 rows: resuming 0 answers, 0 identical rows, 4 to ask." in caplog.text
    totals, calls = recipe.run(rows, max_concurrency=1)
    assert calls.asked == [*left]
    assert recipe.target.column("completion") == rows
    assert f"resuming {4 - len(left)} answers, 0 identical rows, {len(left)} to ask" in caplog.text
    assert totals.resumed == 4 - len(left)


def test_an_abort_while_rows_are_read_keeps_what_was_answered(
    recipe: Recipe, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    calls = FakeCalls()

    class Aborted(FakeSource):
        def chunks(self, columns: Any) -> Iterator[list[tuple[str, ...]]]:
            yield [("a",), ("b",)]
            while recipe.state()["owner"] and not recipe.answers():
                time.sleep(0.001)
            raise AbortedError

    settings = Settings.from_config({"llm_id": "llm", "user_column": "q"}, {})
    place = Workplace(recipe.directory, recipe.open_folder)
    with pytest.raises(AbortedError):
        complete_dataset(Aborted(["q"], []), recipe.target, settings, lambda: calls, place)
    assert "Read 2 rows: resuming 0 answers" in caplog.text
    assert set(recipe.run(["a", "b", "c"])[1].asked) == {"a", "b", "c"} - {*calls.asked}


def test_what_was_published_before_its_end_is_not_closed(recipe: Recipe) -> None:
    limit: dict[str, object] = {"time_limit_minutes": 1 / 60, "when_stopped": "write"}
    recipe.run(["a", "b", "c"], SlowAtB(), max_concurrency=1, **limit)
    assert recipe.target.column("error_type") == [None, None, "stopped"]
    assert recipe.run(["a", "b", "c"])[1].asked == ["c"]
    assert recipe.run(["a", "b", "c"])[1].asked == ["a", "b", "c"]


@pytest.mark.parametrize("end", ["quota", "first failure", "too many failures", "an abort"])
def test_only_limits_publish_what_is_answered(recipe: Recipe, end: str) -> None:
    rule, config, _ = ENDS[end]
    with pytest.raises((RunStoppedError, AbortedError)):
        recipe.run(["a", "b", "c"], rule, max_concurrency=1, when_stopped="write", **config)
    assert recipe.target.opened == 0


def test_killed_while_it_writes_the_next_run_writes_without_a_call(recipe: Recipe) -> None:
    recipe.target.broken = 9
    with pytest.raises(RunStoppedError, match="none is paid twice"):
        recipe.run(["a", "b"])
    assert recipe.state()["phase"] == WRITING
    recipe.target.broken = 0
    assert recipe.run(["a", "b"])[1].asked == []
    assert recipe.target.column("completion") == ["a", "b"]


def test_killed_while_it_appends_the_next_run_names_the_cure(recipe: Recipe) -> None:
    recipe.target = FakeTarget(appends=True, broken=9)
    with pytest.raises(RunStoppedError):
        recipe.run(["a"])
    recipe.target.broken = 0
    with pytest.raises(
        RunStoppedError, match=rf"remove them there, then delete {STATE} in the run"
    ):
        recipe.run(["a"])
    del recipe.folder.objects[STATE]
    assert recipe.run(["a"])[1].asked == []


@pytest.mark.parametrize(("state", "listings"), [("there", 4), ("lost", 5)])
def test_a_start_lists_the_run_folder_once_for_all_that_earlier_runs_left(
    recipe: Recipe, state: str, listings: int
) -> None:
    """A listing tells of every recipe. The others look who owns the place, and for its newest answers."""
    with pytest.raises(RunStoppedError):
        recipe.run(["a", "b"], stopping_at("b"), max_concurrency=1)
    if state == "lost":
        del recipe.folder.objects[STATE]
    listed = []

    def listing(action: str, name: str) -> None:
        # Not those of the threads that save and beat.
        if action == "names" and threading.current_thread() is threading.main_thread():
            listed.append(name)

    held = FolderCheckpoint(recipe.open_folder, Reuse(), recipe.directory, appends=False)
    recipe.folder.trouble = listing
    with RunStore(recipe.directory) as store, held:
        assert held.load(store, list[RunStoppedError]().append) == 1
        assert len(listed) == listings
