"""`never`: neither takes answers nor leaves any, and is the only run in its place of the run folder."""

from typing import Any

import pytest

from fakes import FakeTarget
from mesh_prompt_batch import ownership
from mesh_prompt_batch.errors import LlmError, RunStoppedError
from mesh_prompt_batch.process import process_identity
from mesh_prompt_batch.run_state import RunState
from resumable_recipe import STATE, Recipe, stopping_at

pytestmark = pytest.mark.usefixtures("nothing_is_left")

NEVER: dict[str, Any] = {"reuse_completions": "never"}


def test_it_asks_all_and_saves_nothing(recipe: Recipe) -> None:
    for _ in range(2):
        assert recipe.run(["a", "b"], **NEVER)[1].asked == ["a", "b"]
    assert recipe.answers() == []
    assert recipe.state()["owner"] == ""


def test_another_run_at_once_is_refused(recipe: Recipe) -> None:
    recipe.open_folder().write_state(RunState("e", owner="other", process=process_identity()))
    with pytest.raises(RunStoppedError, match="Another run of this recipe and partition"):
        recipe.run(["a"], **NEVER)
    recipe.open_folder().write_state(RunState("e"))
    refused = list[object]()

    class Meanwhile(FakeTarget):
        def write(self, schema: Any, rows: Any) -> int:
            if not refused:
                with pytest.raises(RunStoppedError, match="Another run of this recipe") as told:
                    recipe.run(["a"])
                refused.append(told.value)
            return super().write(schema, rows)

    recipe.target = Meanwhile()
    recipe.run(["a"], **NEVER)
    assert refused


def test_one_that_is_overtaken_stops_and_leaves_the_other_alone(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "BEAT_SECONDS", 0.01)
    other = RunState("e", owner="other").to_bytes()

    def takes_over(_: str) -> int:
        recipe.folder.objects[STATE] = other
        return 10**9

    with pytest.raises(RunStoppedError, match="took over"):
        recipe.run(["a"], takes_over, **NEVER)
    assert recipe.folder.objects[STATE] == other


def test_one_that_died_while_it_appended_is_noticed(recipe: Recipe) -> None:
    recipe.target = FakeTarget(appends=True, broken=9)
    with pytest.raises(RunStoppedError):
        recipe.run(["a"], **NEVER)
    recipe.target.broken = 0
    (kept,) = recipe.directory.iterdir()
    kept.unlink()
    for config in (NEVER, {}):
        with pytest.raises(RunStoppedError, match="ended while it appended to the output"):
            recipe.run(["a"], **config)


@pytest.mark.parametrize("end", ["well", "quota"])
def test_what_an_unfinished_run_left_can_still_be_resumed(recipe: Recipe, end: str) -> None:
    with pytest.raises(RunStoppedError):
        recipe.run(["a", "b"], stopping_at("b"), max_concurrency=1)
    if end == "well":
        recipe.run(["a", "b"], **NEVER)
    else:
        with pytest.raises(RunStoppedError):
            recipe.run(["a", "b"], stopping_at("a"), **NEVER)
    assert recipe.run(["a", "b"])[1].asked == ["b"]


def test_a_folder_that_cannot_be_written_stops_it_before_any_call(recipe: Recipe) -> None:
    def read_only(action: str, name: str) -> None:
        if action == "write":
            raise PermissionError

    recipe.folder.trouble = read_only
    with pytest.raises(RunStoppedError, match="or take it off the recipe's outputs"):
        recipe.run(["a"], **NEVER)


def test_the_first_error_stands_and_what_fails_after_it_is_told(
    recipe: Recipe, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(question: str) -> Exception:
        recipe.folder.trouble = read_only
        return LlmError("quota", "")

    def read_only(action: str, name: str) -> None:
        if action == "write":
            raise PermissionError

    with pytest.raises(RunStoppedError, match="quota"):
        recipe.run(["a"], fails, **NEVER)
    (told,) = [it for it in caplog.records if "or take it off the recipe's outputs" in it.message]
    assert (told.levelname, told.exc_info) == ("ERROR", None)
