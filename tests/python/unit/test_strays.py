"""What others put beside a recipe's objects in the run folder: named, left alone, and no reason to pay twice."""

import io
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes import FakeCalls, FakeFolder, FakeTarget
from mesh_prompt_batch.errors import RunStoppedError
from mesh_prompt_batch.run_folder import ANSWERS, epoch_of
from mesh_prompt_batch.run_state import CLOSED, LONGEST, RunState
from mesh_prompt_batch.spend_marks import SPENT
from resumable_recipe import STATE, Recipe, stopping_at

ROOT = "P.answers/whole/"
LIMIT: dict[str, object] = {
    "max_tokens": 5,
    "price_per_million_input_tokens": 1e6,
    "price_per_million_output_tokens": 1e6,
    "spend_limit": 200,
}


def asked(recipe: Recipe, questions: list[str], **config: object) -> list[str]:
    return recipe.run(questions, **config)[1].asked


def stopped_after(recipe: Recipe, *questions: str) -> None:
    """They are answered and paid, and the output is not written."""
    with pytest.raises(RunStoppedError):
        recipe.run([*questions, "stop"], stopping_at("stop"), max_concurrency=1)


def below(recipe: Recipe, part: str) -> list[str]:
    start = f"{ROOT}{part}"
    return [it.removeprefix(ROOT) for it in recipe.folder.objects if it.startswith(start)]


def epoch_in(recipe: Recipe) -> str:
    (only,) = {*map(epoch_of, below(recipe, ANSWERS))} - {""}
    return only


# EPOCH stands for the one that the answers have.
NO_EPOCH = [
    *("notes", "read me", "~", "", "..", "ALL", "20991399", "20991231T235959", "20991231T235959Z"),
    *("20991231T235959-aaaaaaaaaaaz", "20991231T235959-AAAAAAAAAAAA", "zz/EPOCH", "EPOCH/EPOCH"),
]
NO_OBJECT = [
    *("x", "read me.txt", "", ".DS_Store", "9-x", "2099-12", "999999-0", "aaaaaaaaaaaa-1", "é\n"),
    *("aaaaaaaaaaaa-000001.bak", "aaaaaaaaaaaa-000001/x", "sub/aaaaaaaaaaaa-000001", "000009-0.5"),
    *("sub/000009-0.500000000000", "aaaaaaaaaaaa-merged-000001", "AAAAAAAAAAAA-000001", "9" * 5000),
]
OF_ANSWERS, OF_MONEY = "aaaaaaaaaaaa-000001", "999999-0.000000000000"
STRAYS = st.builds(
    lambda folder, rest: f"{folder}{rest}",
    st.sampled_from([ANSWERS, SPENT]),
    st.builds(
        lambda epoch, name: f"{epoch}/{name}",
        st.sampled_from([*NO_EPOCH, "EPOCH", "20991231T235959-aaaaaaaaaaaa"]) | st.text(),
        st.sampled_from(NO_OBJECT),
    )
    | st.builds(
        lambda epoch, name: f"{epoch}/{name}",
        st.sampled_from(NO_EPOCH),
        st.sampled_from([OF_ANSWERS, OF_MONEY]),
    )
    | st.text()
    | st.sampled_from(["read me.txt", "20991231T235959-aaaaaaaaaaaa"]),
)
STATES = [None, b"", b"{", RunState("notes").to_bytes(), RunState("all", saved=9).to_bytes()]


@settings(
    deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.dictionaries(STRAYS, st.binary(max_size=80), max_size=5), st.sampled_from(STATES))
def test_whatever_lies_beside_paid_answers_they_are_found_when_the_state_is_lost(
    tmp_path: Path, strays: dict[str, bytes], state: bytes | None
) -> None:
    recipe = Recipe(tmp_path)
    stopped_after(recipe, "a", "b")
    epoch = epoch_in(recipe)
    theirs = {ROOT + name.replace("EPOCH", epoch): data for name, data in strays.items()}
    recipe.folder.objects |= theirs
    del recipe.folder.objects[STATE]
    if state is not None:
        recipe.folder.objects[STATE] = state
    stopped_after(recipe, "a", "b", "c")
    assert epoch_in(recipe) == epoch
    assert asked(recipe, ["a", "b", "c", "d"]) == ["d"]
    # A finished run starts afresh, and forgets its own answers alone.
    recipe.run(["e"])
    assert theirs.items() <= recipe.folder.objects.items()
    assert len([it for it in below(recipe, ANSWERS) if epoch_of(it)]) == 1


def test_answers_without_a_state_outlive_a_run_that_keeps_none(recipe: Recipe) -> None:
    stopped_after(recipe, "a", "b")
    del recipe.folder.objects[STATE]
    recipe.folder.objects[f"{ROOT}answers/zz/x"] = b"mine"
    assert asked(recipe, ["a"], reuse_completions="never") == ["a"]
    assert asked(recipe, ["a", "b", "c"]) == ["c"]


def test_strays_are_named_once_a_run_and_in_one_line(
    recipe: Recipe, caplog: pytest.LogCaptureFixture
) -> None:
    recipe.folder.objects |= {f"{ROOT}answers/a\nb": b"", f"{ROOT}spent/mine": b""}
    recipe.run(["a"])
    (told,) = [it.getMessage() for it in caplog.records if "left alone" in it.getMessage()]
    assert told == (
        "2 objects in the run folder were not written by this plugin and are left alone, such as"
        " 'P.answers/whole/answers/a\\nb'."
    )


@pytest.mark.parametrize("state", [RunState("notes", CLOSED), RunState("notes")])
def test_a_state_of_no_run_of_ours_is_no_reason_to_forget_answers(
    recipe: Recipe, state: RunState
) -> None:
    stopped_after(recipe, "a")
    recipe.open_folder().write_state(state)
    recipe.run(["a"], reuse_completions="never")
    assert asked(recipe, ["a", "b"]) == ["b"]


def test_names_like_those_of_money_set_no_money_free(recipe: Recipe) -> None:
    questions = [f"question {n:03d}" for n in range(100)]
    with pytest.raises(RunStoppedError, match="'Spend limit'"):
        recipe.run(questions, **LIMIT)
    (mark,) = below(recipe, SPENT)
    folder = mark.rpartition("/")[0]
    strays = [f"{folder}/999999-0", f"{folder}/2099-1", f"{folder}/x/999999-0.000000000000"]
    recipe.folder.objects |= {ROOT + name: b"" for name in strays}
    calls = FakeCalls()
    for _ in range(2):
        with pytest.raises(RunStoppedError, match="'Spend limit'"):
            recipe.run(questions, calls, **LIMIT)
    assert calls.asked == []
    assert {*strays} < {*below(recipe, SPENT)}


def test_what_a_run_writes_is_known_for_its_own(recipe: Recipe) -> None:
    written: list[str] = []
    recipe.folder.trouble = lambda action, name: (
        written.append(name.removeprefix(ROOT)) if action == "write" else None
    )
    for questions in ("a", "b", "c"):
        stopped_after(recipe, questions)
        recipe.run([questions, "d"], **LIMIT)
    kept = [it for it in written if it.startswith((ANSWERS, SPENT))]
    assert {it.partition("/")[0] for it in kept} == {"answers", "spent"}
    assert all(map(epoch_of, kept))


class Counting(FakeFolder):
    """Counts the bytes that are read."""

    def __init__(self) -> None:
        super().__init__()
        self.read_bytes = 0

    def read(self, name: str) -> AbstractContextManager[io.BytesIO]:
        folder = self

        class Counted(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                data = super().read(size)
                folder.read_bytes += len(data)
                return data

        return Counted(self.objects[name])


def test_of_a_state_no_more_is_read_than_a_state_can_have(tmp_path: Path) -> None:
    recipe = Recipe(tmp_path, Counting())
    recipe.folder.objects[STATE] = b"[" * 5_000_000
    assert recipe.open_folder().state() == RunState("", "")
    assert isinstance(recipe.folder, Counting)
    assert recipe.folder.read_bytes == 2 * LONGEST


def test_a_state_that_nobody_can_read_stops_a_run_that_appends(recipe: Recipe) -> None:
    """In the sentence whose cure then works, whatever else lies there."""
    stopped_after(recipe, "a")
    recipe.target = FakeTarget(appends=True)
    recipe.folder.objects |= {
        STATE: b"mine",
        f"{ROOT}answers/read me.txt": b"",
        f"{ROOT}answers/zz/x": b"",
    }
    with pytest.raises(RunStoppedError, match=f"then delete {STATE}"):
        recipe.run(["a"])
    del recipe.folder.objects[STATE]
    assert asked(recipe, ["a", "b"]) == ["b"]
