"""A quota that is used up in mid-run: the run ends as at a limit, and the next one goes on."""

import pytest

from mesh_prompt_batch import breaker
from mesh_prompt_batch.errors import CleanStopError, TransientError
from resumable_recipe import Recipe

ROWS = [f"row {n}" for n in range(20)]
BEFORE = ROWS[:6]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker, "REFUSED_SECONDS_TO_OPEN", 0.1)
    monkeypatch.setattr(breaker, "FIRST_WAIT_SECONDS", 0.1)


def used_up(question: str) -> str | Exception:
    return question if question in BEFORE else TransientError("rate_limit", "", status=429)


def test_the_run_stops_in_one_sentence_and_the_next_asks_what_is_left(recipe: Recipe) -> None:
    with pytest.raises(CleanStopError) as stopped:
        recipe.run(ROWS, used_up, max_wait_seconds=1)
    sentence = str(stopped.value)
    assert sentence.startswith("The LLM has refused every call for ")
    assert "longer than 'Longest wait (seconds)' allows: run again" in sentence
    assert sentence.endswith("6 of 20 rows were answered, 0 failed; the output keeps what it held.")
    assert recipe.target.opened == 0
    _, calls = recipe.run(ROWS)
    assert sorted(calls.asked) == sorted(ROWS[6:])
    assert recipe.target.column("completion") == ROWS


def test_what_is_answered_is_published_on_request(recipe: Recipe) -> None:
    totals, _ = recipe.run(ROWS, used_up, max_wait_seconds=1, when_stopped="write")
    assert totals.completed == len(BEFORE)
    assert recipe.target.column("error_type") == [None] * 6 + ["stopped"] * 14
