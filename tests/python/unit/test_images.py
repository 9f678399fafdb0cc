"""Images of a run: looked up once, read when they are sent, never too many bytes at once."""

import asyncio
import json
import logging
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from pictures import jpeg, png

from fakes import FakeCalls, FakeFolder, answered, forever
from mesh_prompt_batch import images, looked_up_images
from mesh_prompt_batch.completion import Completion, CompletionRequest
from mesh_prompt_batch.errors import RunStoppedError
from mesh_prompt_batch.image_cell import MOST_IMAGES
from mesh_prompt_batch.image_file import LARGEST_IMAGE_BYTES, data_url
from mesh_prompt_batch.image_parts import with_images
from mesh_prompt_batch.images import RunImages
from photo_recipe import OwnedFolder, Recipe, SeenCalls, photos

ROOT = Path(__file__).resolve().parents[3]
WEB = "https://example.com/a.png"


@pytest.fixture
def recipe(tmp_path: Path) -> Iterator[Recipe]:
    yield Recipe(tmp_path)
    assert not [it for it in threading.enumerate() if "reader" in it.name]


def test_each_row_is_sent_with_its_images_in_the_order_of_its_cell(recipe: Recipe) -> None:
    photos(recipe, a=png(1), b=jpeg())
    recipe.run(("one", f"b.png\n{WEB}\n/a.png"), ("none", ""), ("twice", '["a.png", "a.png"]'))
    a, b = data_url("image/png", [png(1)]), data_url("image/jpeg", [jpeg()])
    assert recipe.seen == {"one": [b, WEB, a], "none": [], "twice": [a, a]}
    assert recipe.target.column("error_type") == [None, None, None]


def test_the_output_shows_no_bytes(recipe: Recipe) -> None:
    photos(recipe, a=png(1))
    recipe.run(("one", "a.png"))
    (sent,) = recipe.target.column("messages_sent")
    assert f"data:image/png;bytes={len(png(1))};blake2b=" in str(sent)
    assert "base64" not in str(sent)


def test_what_is_wrong_with_a_file_costs_its_row_and_names_it_as_the_cell_does(
    recipe: Recipe, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    photos(recipe, a=png(1), text=b"not a picture")
    recipe.run(
        ("good", "a.png"),
        ("missing", "a.png\n/gone/x.png"),
        ("text", "text.png"),
        ("outside", "../a.png"),
    )
    assert recipe.errors == [
        None,
        "The image '/gone/x.png' is not in the folder 'Images'.",
        "The file 'text.png' in the folder 'Images' is no PNG, JPEG, GIF or WebP image.",
        "The image '../a.png' lies outside the folder 'Images'.",
    ]
    assert recipe.target.column("error_type") == [None, *["invalid_row"] * 3]
    assert [*recipe.seen] == ["good"]
    assert recipe.target.column("attempts") == [1, 0, 0, 0]
    assert ".png" not in caplog.text


def test_images_that_are_too_large_together_cost_their_row(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looked_up_images, "MOST_BYTES_A_ROW", 2_000_000)
    photos(recipe, a=png(1) + b"\0" * 1_500_000)
    recipe.run(("one", "a.png"), ("two", '["a.png", "a.png"]'))
    assert recipe.errors == [
        None,
        "The images of the row are 3 MB together; at most 2 MB can be sent.",
    ]


def test_without_the_folder_addresses_work_and_paths_cost_their_rows(
    recipe: Recipe, caplog: pytest.LogCaptureFixture
) -> None:
    recipe.photos = None
    recipe.run(("web", WEB), ("file", "a.png"), *((f"more {n}", f"{n}.png") for n in range(99)))
    assert recipe.errors[:2] == [
        None,
        "The image 'a.png' is a file: add the managed folder that holds it to the recipe's inputs as 'Images'.",
    ]
    assert caplog.text.count("no folder 'Images' among its inputs") == 1


def test_a_file_that_many_rows_name_is_looked_up_once(recipe: Recipe) -> None:
    folder = photos(recipe, a=png(1), b=png(2))
    recipe.run(*((f"row {n}", "ab"[n % 2] + ".png") for n in range(200)), calls=FakeCalls())
    # And once more for each of the calls.
    assert len(folder.writes) == 202


def test_no_more_files_are_remembered_than_a_bound(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "REMEMBERED_FILES", 3)
    monkeypatch.setattr(images, "ROWS_AT_ONCE", 2)
    folder = photos(recipe, **{f"p{n}": png(n) for n in range(100)})
    run_images = RunImages(0, lambda: OwnedFolder(folder))
    with run_images:
        for rows in run_images.looked_up(iter([[(f"p{n}.png",) for n in range(100)]])):
            assert len(rows) <= images.ROWS_AT_ONCE
            assert len(run_images._found) <= 3


def test_identical_pictures_are_paid_once_and_changed_ones_are_asked_again(recipe: Recipe) -> None:
    folder = photos(recipe, a=png(1), b=png(1), c=png(3))
    rows = [("q", "a.png"), ("q", "b.png"), ("q", "c.png")]
    recipe.run(*rows, reuse_completions="always")
    assert recipe.target.column("source") == ["call", "identical", "call"]
    recipe.run(*rows, reuse_completions="always")
    assert recipe.target.column("source") == ["resumed", "identical", "resumed"]
    folder.objects["c.png"] = png(4)
    recipe.run(*rows, reuse_completions="always")
    assert recipe.target.column("source") == ["resumed", "identical", "call"]


def test_a_file_that_changes_while_the_run_goes_on_costs_its_row(recipe: Recipe) -> None:
    folder = photos(recipe, a=png(1), b=png(2))
    reads = []

    def change(action: str, name: str) -> None:
        reads.append(name)
        if reads.count("b.png") == 2:
            folder.objects["b.png"] = png(9)

    folder.trouble = change
    recipe.run(("one", "a.png"), ("two", "b.png"))
    assert recipe.errors == [
        None,
        "The image 'b.png' changed while the run went on: run again.",
    ]
    assert recipe.target.column("attempts") == [1, 0]


@pytest.mark.parametrize("until", [0, 3])
def test_a_folder_that_cannot_be_read_ends_the_run_and_the_output_is_as_it_was(
    recipe: Recipe, until: int
) -> None:
    folder = photos(recipe, a=png(1), b=png(2), c=png(3))
    done = []

    def fail(action: str, name: str) -> None:
        done.append(name)
        if len(done) > until:
            raise OSError(name)

    folder.trouble = fail
    with pytest.raises(RunStoppedError, match=r"^The folder 'Images' cannot be read \(OSError\)"):
        recipe.run(("one", "a.png"), ("two", "b.png"), ("three", "c.png"))
    assert recipe.target.content is None


def sized(*sizes: int) -> dict[str, bytes]:
    return {f"p{n}": png(n) + b"\0" * size for n, size in enumerate(sizes)}


def test_bytes_in_flight_stay_within_their_bound_and_all_are_sent(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = sized(*(n % 7 * 10_000 for n in range(60)))
    photos(recipe, **files)
    bound = 200_000
    monkeypatch.setattr(images, "MOST_BYTES_IN_FLIGHT", bound * images.COPIES)
    calls = SeenCalls(lambda _: 5)
    rows = [(f"row {n}", f"p{n}.png") for n in range(60)]
    recipe.run(*rows, calls=calls, max_concurrency=16, adaptive_concurrency=False)
    assert len(calls.seen) == 60
    assert 0 < calls.most_bytes <= bound
    assert calls.most_in_flight > 1


def test_a_call_holds_its_bytes_until_it_ends_however_it_ends() -> None:
    folder = FakeFolder()
    folder.objects = {"a.png": png(1)}
    cells: list[tuple[str, ...]] = [("a.png",)]

    def request_of(row: Sequence[str]) -> CompletionRequest:
        asked = CompletionRequest("llm", ({"role": "user", "content": "q"},), {})
        return with_images(asked, looked_up_images.images_of(row[0], row[1]))

    class Hanging(FakeCalls):
        async def _complete(self, request: CompletionRequest) -> Completion:
            self.asked.append("")
            if len(self.asked) == 1:
                begun.set()
                await forever()
            return answered("ok")

    begun = asyncio.Event()

    async def main(run_images: RunImages, request: CompletionRequest) -> None:
        calls = Hanging()
        sending = images.ImageCalls(calls, run_images._readers, 3 * request.images[0].bytes_sent)
        async with sending as call:
            first = asyncio.ensure_future(call(request))
            await begun.wait()
            second = asyncio.ensure_future(call(request))
            for _ in range(20):
                await asyncio.sleep(0)
            assert len(calls.asked) == 1
            first.cancel()
            assert (await second).text == "ok"
        assert calls.left == 1

    run_images = RunImages(0, lambda: OwnedFolder(folder))
    with run_images:
        (rows,) = run_images.looked_up(iter([cells]))
        asyncio.run(main(run_images, request_of(rows[0])))


def test_the_form_says_the_limits_of_the_code() -> None:
    recipe = json.loads((ROOT / "custom-recipes/mesh-prompt-batch/recipe.json").read_text())
    (said,) = [it["description"] for it in recipe["params"] if it.get("name") == "image_column"]
    million = 1_000_000
    together = looked_up_images.MOST_BYTES_A_ROW // million
    assert f"at most {MOST_IMAGES} images a row, {LARGEST_IMAGE_BYTES // million} MB each" in said
    assert f"and {together} MB together" in said
    assert images.REMEMBERED_FILES >= images.ROWS_AT_ONCE * MOST_IMAGES


def test_images_join_the_last_user_message_of_a_conversation(recipe: Recipe) -> None:
    photos(recipe, a=png(1))
    own = {"type": "image_url", "image_url": {"url": WEB}}
    text = {"type": "text", "text": "And?"}
    talk = [
        {"role": "user", "content": "What is it?"},
        {"role": "assistant", "content": "A cat."},
        {"role": "user", "content": [text, own]},
    ]
    recipe.run((json.dumps(talk), "a.png"), messages_mode="conversation", conversation_column="q")
    assert recipe.seen == {"And?": [WEB, data_url("image/png", [png(1)])]}


def test_without_an_image_column_rows_and_calls_are_left_alone() -> None:
    calls = FakeCalls()
    chunk: list[tuple[str, ...]] = [("a",)]
    with RunImages(None, FakeFolder) as run_images:
        assert run_images.sending(calls) is calls
        assert list(run_images.looked_up(iter([chunk]))) == [chunk]
