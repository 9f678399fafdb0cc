"""Who owns the run folder: one run at a time, seen by its beat, and taken over when it is dead."""

import asyncio
import json
import logging
import re
import threading
import time
from dataclasses import replace
from typing import Any

import pytest

from fakes import FakeCalls, FakeTarget
from mesh_prompt_batch import last_run, ownership
from mesh_prompt_batch.checkpoint import FolderCheckpoint, Reuse
from mesh_prompt_batch.errors import RequestError, RunStoppedError
from mesh_prompt_batch.process import AbortedError, process_identity
from mesh_prompt_batch.run_state import WRITING, RunState
from mesh_prompt_batch.run_store import RunStore
from resumable_recipe import STATE, Recipe, stopping_at

pytestmark = pytest.mark.usefixtures("nothing_is_left")


def killed_run(recipe: Recipe, questions: list[str], rule: Any = str, **config: object) -> None:
    """As SIGKILL leaves it: what was in the folder at a moment stays, and the owner never said goodbye."""
    kept: dict[str, bytes] = {}

    def last_moment(action: str, name: str) -> None:
        if action == "write" and name == STATE:
            kept.clear()
            kept.update(recipe.folder.objects)

    recipe.folder.trouble = last_moment
    with pytest.raises(RunStoppedError):
        recipe.run(questions, rule, **config)
    recipe.folder.trouble = lambda action, name: None
    recipe.folder.objects = kept


def test_a_killed_run_of_another_machine_is_watched_then_resumed(
    recipe: Recipe, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    killed_run(recipe, ["a", "b"], stopping_at("b"), max_concurrency=1)
    told = recipe.state()
    recipe.folder.objects[STATE] = json.dumps({**told, "process": "elsewhere/1-1"}).encode()
    assert told["owner"]
    assert recipe.run(["a", "b"])[1].asked == ["b"]
    assert sum(it for it in recipe.slept if it >= 1) == last_run.WATCH_SECONDS
    assert "watching whether it is alive" in caplog.text


def test_a_killed_run_of_this_machine_is_resumed_at_once(recipe: Recipe) -> None:
    killed_run(recipe, ["a", "b"], stopping_at("b"), max_concurrency=1)
    told = recipe.state()
    ended = re.sub(r"/(\d+)-\d+$", r"/\1-1", told["process"])
    recipe.folder.objects[STATE] = json.dumps({**told, "process": ended}).encode()
    assert recipe.run(["a", "b"])[1].asked == ["b"]
    assert sum(recipe.slept) < 1


def test_two_runs_at_once_are_refused(recipe: Recipe) -> None:
    running = RunState("e", owner="other", process=process_identity())
    recipe.open_folder().write_state(running)
    with pytest.raises(
        RunStoppedError, match="Another run of this recipe and partition is at work"
    ):
        recipe.run(["a"])
    beats = iter(range(1, 99))

    def beat(seconds: float) -> None:
        recipe.open_folder().write_state(replace(running, process="", beat=next(beats)))

    recipe.open_folder().write_state(replace(running, process=""))
    recipe.slept = type("Beats", (list,), {"append": lambda _, it: beat(it)})()
    with pytest.raises(RunStoppedError, match="Another run"):
        recipe.run(["a"])
    assert recipe.state()["owner"] == "other"


def test_a_run_that_says_goodbye_while_it_is_watched_is_followed_at_once(recipe: Recipe) -> None:
    recipe.open_folder().write_state(RunState("e", owner="other"))

    def leaves(_: float) -> None:
        recipe.open_folder().write_state(RunState("e"))

    recipe.slept = type("Leaves", (list,), {"append": lambda _, it: leaves(it)})()
    assert recipe.run(["a"])[1].asked == ["a"]


def test_a_race_for_the_folder_has_one_winner(recipe: Recipe) -> None:
    def overtakes(action: str, name: str) -> None:
        if action == "names" and STATE in recipe.folder.objects and not overtaken:
            overtaken.append(name)
            recipe.folder.objects[STATE] = RunState("e", owner="faster").to_bytes()

    overtaken: list[str] = []
    recipe.folder.trouble = overtakes
    with pytest.raises(RunStoppedError, match="Another run"):
        recipe.run(["a"])


def test_of_two_runs_that_found_nobody_at_work_one_makes_no_call(recipe: Recipe) -> None:
    """The other looked before this one wrote, and writes after this one has looked again."""

    def writes(_: float) -> None:
        recipe.open_folder().write_state(RunState("e", owner="other"))

    recipe.slept = type("Writes", (list,), {"append": lambda _, it: writes(it)})()
    calls = FakeCalls()
    with pytest.raises(RunStoppedError, match="Another run"):
        recipe.run(["a"], calls)
    assert calls.asked == []
    assert recipe.state()["owner"] == "other"


@pytest.mark.parametrize("end", [AbortedError(), RequestError("empty", ""), None], ids=str)
def test_a_run_that_was_overtaken_and_ends_before_it_sees_that_leaves_the_other_alone(
    recipe: Recipe, end: BaseException | None
) -> None:
    other = RunState("e", owner="other").to_bytes()
    mark = "P.answers/whole/spent/e/0000000001-1"

    def taken_over(question: str) -> str:
        recipe.folder.objects |= {STATE: other, mark: b""}
        if end is not None:
            raise end
        return question

    limit: dict[str, object] = {"spend_limit": 9, "price_per_million_input_tokens": 1}
    prices = {**limit, "price_per_million_output_tokens": 1}
    with pytest.raises((RunStoppedError, AbortedError)):
        recipe.run(["a"], taken_over, on_failure="stop", **prices)
    assert recipe.folder.objects[STATE] == other
    assert mark in recipe.folder.objects


def test_a_run_shows_that_it_lives_while_an_upload_takes_minutes(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "BEAT_SECONDS", 0.005)
    waited = []

    def slow(action: str, name: str) -> None:
        if action == "write" and "/answers/" in name:
            began = recipe.state()["beat"]
            deadline = time.monotonic() + 10
            while recipe.state()["beat"] < began + 3 and time.monotonic() < deadline:
                time.sleep(0.001)
            waited.append(recipe.state()["beat"] - began)

    recipe.folder.trouble = slow
    recipe.run(["a"])
    assert waited
    assert min(waited) >= 3


def test_a_run_that_was_overtaken_stops(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ownership, "BEAT_SECONDS", 0.01)

    def takes_over(question: str) -> int:
        recipe.folder.objects[STATE] = RunState("e", owner="other").to_bytes()
        return 10**9

    with pytest.raises(RunStoppedError, match="Another run of this recipe took over"):
        recipe.run(["a"], takes_over)
    assert recipe.state()["owner"] == "other"


def test_its_beat_shows_that_a_run_lives(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ownership, "BEAT_SECONDS", 0.005)
    seen = threading.Event()

    class Waiting(FakeCalls):
        async def _answer(self, question: str) -> Any:
            while not recipe.state()["beat"] > 2:  # noqa: ASYNC110  # another thread's doing
                await asyncio.sleep(0.001)
            seen.set()
            return await super()._answer(question)

    recipe.run(["a"], Waiting())
    assert seen.is_set()
    assert recipe.state()["owner"] == ""


def test_a_run_that_writes_for_minutes_shows_that_it_lives(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To a machine that cannot see its process."""
    monkeypatch.setattr(ownership, "BEAT_SECONDS", 0.005)
    monkeypatch.setattr(ownership, "process_identity", lambda: "")
    recipe.slept = type("Slept", (list,), {"append": lambda _, it: time.sleep(it / 100)})()
    refused = list[str]()

    class Slow(FakeTarget):
        def write(self, schema: Any, rows: Any) -> int:
            if not refused:
                refused.append("")
                with pytest.raises(RunStoppedError, match="Another run of this recipe") as told:
                    recipe.run(["a"])
                refused.append(str(told.value))
            return super().write(schema, rows)

    recipe.target = Slow()
    recipe.run(["a"])
    assert len(refused) == 2
    assert recipe.state()["phase"] == "closed"


def test_the_state_is_kept_in_few_words(recipe: Recipe) -> None:
    recipe.run(["a"])
    assert recipe.state() == {
        "format": 1,
        "epoch": recipe.state()["epoch"],
        "phase": "closed",
        "saved": 1,
        "owner": "",
        "process": "",
        "beat": 2,
    }


def test_what_is_written_is_told_at_once(recipe: Recipe) -> None:
    """Whoever is told to end while it tidies up has written all the same."""
    held = FolderCheckpoint(recipe.open_folder, Reuse(), recipe.directory, appends=True)
    with RunStore(recipe.directory) as store, held:
        held.load(store, list[RunStoppedError]().append)
        held.writing()
        assert recipe.state()["phase"] == WRITING
        held.written(closed=True)
        assert (recipe.state()["phase"], bool(recipe.state()["owner"])) == ("closed", True)
    assert recipe.state()["owner"] == ""
