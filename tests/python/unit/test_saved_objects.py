"""How answers reach the run folder and lie there: few objects, no prompt; and what a run does when it cannot write."""

import asyncio
import zlib
from typing import Any

import pytest

from fakes import FakeCalls
from mesh_prompt_batch import answer_block, part_list, saver
from mesh_prompt_batch.errors import RunStoppedError
from resumable_recipe import Recipe, stopping_at

pytestmark = pytest.mark.usefixtures("nothing_is_left")


def test_the_run_folder_holds_answers_and_no_prompt(recipe: Recipe) -> None:
    with pytest.raises(RunStoppedError):
        recipe.run(
            ["canary-question", "stop"],
            lambda it: stopping_at("stop")(it) if it == "stop" else "canary-answer",
            max_concurrency=1,
        )
    held = [*recipe.folder.objects.values()]
    held += [
        zlib.decompress(recipe.folder.objects[it][answer_block._HEADER.size :])
        for it in recipe.answers()
    ]
    assert any(b"canary-answer" in it for it in held)
    assert not any(b"canary-question" in it for it in held)


def test_a_folder_that_cannot_be_written_stops_the_run_before_any_call(recipe: Recipe) -> None:
    def read_only(action: str, name: str) -> None:
        if action == "write":
            raise PermissionError(13, "canary")

    recipe.folder.trouble = read_only
    calls = FakeCalls()
    with pytest.raises(RunStoppedError, match=r"cannot be written \(PermissionError\): check"):
        recipe.run(["a"], calls)
    assert calls.asked == []


def test_a_folder_that_becomes_full_stops_the_run_and_says_what_is_not_saved(
    recipe: Recipe, caplog: pytest.LogCaptureFixture
) -> None:
    def full(action: str, name: str) -> None:
        if action == "write" and "/answers/" in name:
            raise OSError(28, "canary")

    recipe.folder.trouble = full
    with pytest.raises(RunStoppedError, match=r"cannot be written \(OSError\): check"):
        recipe.run(["a", "b", "c"], lambda it: 10**9 if it == "b" else it, max_concurrency=1)
    assert "1 answers of this run are not saved: the next run pays them again." in caplog.text
    assert "canary" not in caplog.text
    assert recipe.target.opened == 0


def test_a_folder_that_stumbles_is_tried_again(
    recipe: Recipe, caplog: pytest.LogCaptureFixture
) -> None:
    stumbles = iter([True, False] * 50)

    def stumble(action: str, name: str) -> None:
        if next(stumbles, False):
            raise ConnectionError("canary")

    recipe.folder.trouble = stumble
    recipe.run(["a", "b"])
    assert recipe.target.column("completion") == ["a", "b"]
    assert "The run folder failed (ConnectionError), attempt 1." in caplog.text
    assert "canary" not in caplog.text


def test_an_unforeseen_error_of_the_saver_ends_the_run(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saver, "encoded", lambda _: 1 // 0)
    with pytest.raises((RunStoppedError, ZeroDivisionError)):
        recipe.run(["a", "b"], lambda it: 10**9 if it == "b" else it)


def test_many_saves_become_few_objects_and_all_are_found(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saver, "SHORTEST_INTERVAL_SECONDS", 0.0)
    monkeypatch.setattr(saver, "UPLOAD_TIMES_BETWEEN", 0.0)
    monkeypatch.setattr("mesh_prompt_batch.feed.FLUSH_SECONDS", 0.0)
    questions = [f"{n}" for n in range(400)]

    class Slow(FakeCalls):
        async def _answer(self, question: str) -> Any:
            await asyncio.sleep(0.002)
            return await super()._answer(question)

    with pytest.raises(RunStoppedError):
        recipe.run([*questions, "stop"], Slow(stopping_at("stop")), max_concurrency=1)
    assert len([it for it in recipe.folder.writes if "/answers/" in it]) > 5 * part_list.FAN_IN
    assert len(recipe.answers()) < 3 * part_list.FAN_IN
    monkeypatch.setattr(part_list, "MOST_FOUND", 0)
    assert recipe.run([*questions, "stop"])[1].asked == ["stop"]
    assert recipe.target.column("completion") == [*questions, "stop"]


def test_killed_between_a_merge_and_its_deletions_nothing_is_read_twice(recipe: Recipe) -> None:
    with pytest.raises(RunStoppedError):
        recipe.run(["a", "b"], stopping_at("b"), max_concurrency=1)
    (name,) = recipe.answers()
    recipe.folder.objects[f"{name[:-6]}000999"] = recipe.folder.objects[name]
    with pytest.raises(RunStoppedError):
        recipe.run(["a", "b"], stopping_at("b"), max_concurrency=1)
    assert recipe.state()["saved"] <= 1
    assert recipe.run(["a", "b"])[1].asked == ["b"]


def test_other_objects_of_the_folder_are_left_alone(recipe: Recipe) -> None:
    recipe.folder.objects |= {"mine.txt": b"mine", "P.answers2/whole/answers/x/y": b"theirs"}
    recipe.run(["a"])
    recipe.run(["a"])
    assert recipe.folder.objects["mine.txt"] == b"mine"
    assert recipe.folder.objects["P.answers2/whole/answers/x/y"] == b"theirs"
