"""Which answers of earlier runs the next one takes, and how long the run folder keeps them."""

import io
import logging
from pathlib import Path

import pytest

from fakes import FakeCalls, FakeSource, FakeTarget
from mesh_prompt_batch.answer_block import SavedAnswer, answers, blocks
from mesh_prompt_batch.batch import complete_dataset
from mesh_prompt_batch.errors import RunStoppedError, SettingsError
from mesh_prompt_batch.run_parts import Workplace
from mesh_prompt_batch.settings import Settings
from resumable_recipe import Recipe, stopping_at

pytestmark = pytest.mark.usefixtures("nothing_is_left")


def test_a_row_limit_never_closes(recipe: Recipe) -> None:
    recipe.run(["a", "b", "c"], row_limit=2)
    assert recipe.run(["a", "b", "c"])[1].asked == ["c"]


SAME_ANSWER: list[dict[str, object]] = [
    {"max_concurrency": 3, "adaptive_concurrency": False},
    {"requests_per_minute": 600, "tokens_per_minute": 10**6},
    {"output_columns": "essential", "columns_to_keep": ["q"]},
    {"max_retries": 0, "timeout_seconds": 9, "max_wait_seconds": 9},
    {"time_limit_minutes": 9, "when_stopped": "write"},
    {"on_failure": "stop", "max_failure_percent": 9},
    {"reuse_completions": "always", "keep_answers_days": 9},
    {"row_limit": 2},
    {"send_identical_rows_once": False},
    {"fallback_llm_id": "other"},
    {"messages_mode": "template", "user_template": "{{q}}"},
]
OTHER_ANSWER: list[dict[str, object]] = [
    {"temperature": 1},
    {"temperature": None},
    {"max_tokens": None},
    {"llm_id": "other"},
    {"llm_id_override": "other"},
    {"system_column": "q"},
    {"messages_mode": "template", "user_template": "{{q}}", "system_template": "Be brief."},
    {"examples": [{"user": "u", "assistant": "a"}]},
    {"reuse_completions": "never"},
]


@pytest.mark.parametrize(
    ("change", "asked"),
    [*((it, ["b"]) for it in SAME_ANSWER), *((it, ["a", "b"]) for it in OTHER_ANSWER)],
)
def test_only_what_changes_the_answer_asks_again(
    recipe: Recipe, change: dict[str, object], asked: list[str]
) -> None:
    with pytest.raises(RunStoppedError):
        recipe.run(["a", "b"], stopping_at("b"), max_concurrency=1)
    assert sorted(recipe.run(["a", "b"], **change)[1].asked) == asked


def test_always_takes_answers_of_finished_runs(recipe: Recipe) -> None:
    recipe.run(["a", "b"], reuse_completions="always")
    assert recipe.run(["a", "b", "c"], reuse_completions="always")[1].asked == ["c"]


def test_without_a_run_folder_always_is_an_error_and_resume_says_what_a_crash_costs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    def run(**config: object) -> None:
        settings = Settings.from_config({"llm_id": "llm", "user_column": "q", **config}, {})
        source = FakeSource(["q"], [("a",)])
        place = Workplace(tmp_path)
        complete_dataset(source, FakeTarget(), settings, FakeCalls, place)

    with pytest.raises(SettingsError, match="'Reuse completions' is always: add a managed folder"):
        run(reuse_completions="always")
    run()
    assert "after a crash the next run pays every call again" in caplog.text


def test_partitions_keep_apart(recipe: Recipe) -> None:
    for partition in ("2026-01", "2026-02"):
        recipe.partition = partition
        with pytest.raises(RunStoppedError):
            recipe.run(["a", "b"], stopping_at("b"), max_concurrency=1)
    recipe.partition = "2026-01"
    assert recipe.run(["a", "b"])[1].asked == ["b"]
    recipe.partition = "2026-02"
    assert recipe.run(["a", "b"])[1].asked == ["b"]


def test_answers_too_old_leave_the_folder(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    clock = [1_000_000.0]
    monkeypatch.setattr("time.time", lambda: clock[0])
    with pytest.raises(RunStoppedError):
        recipe.run(["old", "b"], stopping_at("b"), max_concurrency=1)
    clock[0] += 20 * 86_400
    with pytest.raises(RunStoppedError):
        recipe.run(["old", "young", "b"], stopping_at("b"), max_concurrency=1)
    clock[0] += 20 * 86_400
    assert recipe.run(["old", "young", "b"], keep_answers_days=30)[1].asked == ["old", "b"]
    assert "1 saved answers are older than 'Keep answers (days)' allows: forgotten." in caplog.text
    held = [it for name in recipe.answers() for it in saved_answers(recipe.folder.objects[name])]
    assert sorted(it.saved_at for it in held) == [clock[0] - 20 * 86_400, clock[0], clock[0]]


def saved_answers(data: bytes) -> list[SavedAnswer]:
    return [it for block in blocks(io.BytesIO(data)) for it in answers(block)]


def test_answers_of_a_closed_run_leave_the_folder_with_the_next(recipe: Recipe) -> None:
    recipe.run(["a", "b"])
    (first,) = recipe.answers()
    recipe.run(["c"])
    assert first not in recipe.answers()
    assert sum(len(saved_answers(recipe.folder.objects[it])) for it in recipe.answers()) == 1
