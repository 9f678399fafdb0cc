"""What is cut, foreign, made up or of a later version in the run folder is named, and gives no row a wrong answer."""

import contextlib
import io
import json
import zlib
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from answer_blocks import block_of
from fakes import FakeFolder, FakeTarget
from mesh_prompt_batch import answer_block, part_list
from mesh_prompt_batch.answer_block import answers, blocks
from mesh_prompt_batch.errors import RunStoppedError
from mesh_prompt_batch.outcome_record import UnreadableAnswerError
from resumable_recipe import STATE, Recipe, stopping_at

pytestmark = pytest.mark.usefixtures("nothing_is_left")


def test_a_state_that_cannot_be_read_may_be_of_a_run_that_appended(recipe: Recipe) -> None:
    recipe.target = FakeTarget(appends=True)
    recipe.run(["a"])
    recipe.folder.objects[STATE] = recipe.folder.objects[STATE][:30]
    with pytest.raises(RunStoppedError, match="appended to the output, which may hold its rows"):
        recipe.run(["a"])
    del recipe.folder.objects[STATE]
    assert recipe.run(["a"])[1].asked == []


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"format": 1, "other": 2}'])
def test_a_state_that_cannot_be_read_loses_no_answer(
    recipe: Recipe, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(RunStoppedError):
        recipe.run(["a", "b"], stopping_at("b"), max_concurrency=1)
    recipe.folder.objects[STATE] = damage
    assert recipe.run(["a", "b"])[1].asked == ["b"]
    assert "does not say how the last run ended" in caplog.text


def test_what_a_later_version_wrote_stops_the_run(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe.folder.objects[STATE] = json.dumps({"format": 2}).encode()
    with pytest.raises(RunStoppedError, match="A newer version of the plugin wrote"):
        recipe.run(["a"])
    del recipe.folder.objects[STATE]
    with monkeypatch.context() as later:
        later.setattr(answer_block, "VERSION", 2)
        with pytest.raises(RunStoppedError):
            recipe.run(["a", "b"], stopping_at("b"), max_concurrency=1)
    with pytest.raises(RunStoppedError, match="A newer version of the plugin wrote"):
        recipe.run(["a", "b"])


@pytest.mark.parametrize(
    "text",
    ["no answer at all", f"{'00' * 16} soon {{}}\n", "\ud800"],
    ids=["words", "moment", "half"],
)
def test_a_block_that_was_made_up_is_damaged_though_its_checksum_is_right(
    recipe: Recipe, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(RunStoppedError):
        recipe.run(["a", "b"], stopping_at("b"), max_concurrency=1)
    (name,) = recipe.answers()
    recipe.folder.objects[name] = made_up(text)
    assert recipe.run(["a", "b"])[1].asked == ["a", "b"]
    assert f"{name} in the run folder is damaged" in caplog.text


def test_a_made_up_answer_ends_the_run_with_the_cure(recipe: Recipe) -> None:
    with pytest.raises(RunStoppedError):
        recipe.run(["a", "b"], stopping_at("b"), max_concurrency=1)
    (name,) = recipe.answers()
    (block,) = blocks(io.BytesIO(recipe.folder.objects[name]))
    (answer,) = answers(block)
    recipe.folder.objects[name] = made_up(f"{answer.key.hex()} {answer.saved_at} {{}}\n")
    with pytest.raises(UnreadableAnswerError, match="empty the folder, or set 'Reuse completions'"):
        recipe.run(["a", "b"])


def made_up(text: str) -> bytes:
    return block_of(zlib.compress(text.encode(errors="surrogatepass")))


@pytest.mark.parametrize("damage", ["cut", "foreign", "gone"])
def test_a_damaged_object_is_named_and_its_answers_asked_again(
    recipe: Recipe, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(RunStoppedError):
        recipe.run(["a", "b"], stopping_at("b"), max_concurrency=1)
    (name,) = recipe.answers()
    if damage == "gone":
        del recipe.folder.objects[name]
    else:
        whole = recipe.folder.objects[name]
        recipe.folder.objects[name] = whole[:-1] if damage == "cut" else b"somebody's zip" * 20
    assert recipe.run(["a", "b"])[1].asked == ["a", "b"]
    assert "1 of them are gone: they are asked again" in caplog.text
    assert damage == "gone" or f"{name} in the run folder is damaged" in caplog.text


def test_what_storage_cut_short_once_is_read_again(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(RunStoppedError):
        recipe.run(["a", "b"], stopping_at("b"), max_concurrency=1)
    (name,) = recipe.answers()
    whole, reads = FakeFolder.read, []

    def cut(folder: FakeFolder, wanted: str) -> AbstractContextManager[io.BytesIO]:
        if wanted != name:
            return whole(folder, wanted)
        reads.append(wanted)
        data = folder.objects[name]
        return contextlib.closing(io.BytesIO(data[:-1] if len(reads) == 1 else data))

    monkeypatch.setattr(FakeFolder, "read", cut)
    assert recipe.run(["a", "b"])[1].asked == ["b"]
    assert len(reads) == 2
    assert "damaged" not in caplog.text


def test_what_is_damaged_stays_though_what_it_still_gives_is_merged(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be whole, where storage gives less than it holds."""
    rows = ["a", "b", "c"]
    for end in (1, 2, 3):
        with pytest.raises(RunStoppedError):
            recipe.run([*rows[:end], "stop"], stopping_at("stop"), max_concurrency=1)
    first, second, third = recipe.answers()
    recipe.folder.objects[second] = recipe.folder.objects[second][:-1]
    monkeypatch.setattr(part_list, "MOST_FOUND", 0)
    assert recipe.run(rows, row_limit=3)[1].asked == ["b"]
    assert {first, second, third}.intersection(recipe.answers()) == {second}
    assert recipe.run(rows)[1].asked == []


Harm = st.sampled_from(["cut", "changed", "copied", "foreign", "gone"])


@given(st.lists(st.tuples(Harm, st.integers(0, 10**6)), max_size=6))
@example_settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_befalls_the_objects_no_row_has_another_s_answer(
    tmp_path: Path, harms: list[tuple[str, int]]
) -> None:
    recipe, rows = Recipe(tmp_path), [f"{n}" for n in range(12)]
    for end in (3, 6, 9):
        with pytest.raises(RunStoppedError):
            recipe.run([*rows[:end], "stop"], stopping_at("stop"), max_concurrency=1)
    for harm, number in harms:
        harmed(recipe, harm, number)
    _, calls = recipe.run(rows)
    assert recipe.target.column("completion") == rows
    assert recipe.target.column("answered_by") == ["llm"] * 12
    assert {*rows[9:]} <= {*calls.asked}
    assert harms or calls.asked == rows[9:]


def harmed(recipe: Recipe, harm: str, number: int) -> None:
    names = recipe.answers()
    if not names:
        return
    name = names[number % len(names)]
    data = recipe.folder.objects[name]
    at = number % max(1, len(data))
    changed = data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :] if data else data
    recipe.folder.objects[name] = {
        "cut": data[:at],
        "changed": changed,
        "copied": data + data[:at],
        "foreign": b"somebody's zip" * number.bit_length(),
        "gone": b"",
    }[harm]
    if harm == "gone":
        del recipe.folder.objects[name]
