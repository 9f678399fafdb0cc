"""Reading images: what is wrong with a file costs its row, what is wrong with the folder ends the run."""

from collections.abc import Callable

import pytest
from pictures import jpeg, png

from fakes import FakeFolder
from mesh_prompt_batch import image_reader
from mesh_prompt_batch.errors import RequestError, RunStoppedError
from mesh_prompt_batch.image_reader import ImageReader


class Fixture:
    def __init__(self) -> None:
        self.folder = FakeFolder()
        self.folder.objects = {"a.png": png(), "b.jpg": jpeg(), "c.png": b"text", "d.png": b""}
        self.slept: list[float] = []
        self.opened = 0
        self.reader = ImageReader(self.open, self.slept.append)

    def open(self) -> FakeFolder:
        self.opened += 1
        self.folder.trouble("open", "")
        return self.folder

    def refused(self, action: Callable[[], object]) -> str:
        with pytest.raises(RequestError) as caught:
            action()
        assert caught.value.error_type == "invalid_row"
        return caught.value.provider_words


@pytest.fixture
def fixture() -> Fixture:
    return Fixture()


def trouble(*actions: str, times: int = 100) -> Callable[[str, str], None]:
    left = [times]

    def raising(action: str, name: str) -> None:
        if action in actions and left[0]:
            left[0] -= 1
            raise OSError(f"storage quotes {name}")

    return raising


def test_a_file_is_looked_up_and_read_as_it_is(fixture: Fixture) -> None:
    image = fixture.reader.looked_up("b.jpg")
    assert (image.path, image.media_type, image.size) == ("b.jpg", "image/jpeg", len(jpeg()))
    assert fixture.reader.data_url(image).startswith("data:image/jpeg;base64,/9j/")
    assert (fixture.opened, fixture.slept) == (1, [])


def test_streams_that_give_little_at_a_time_are_read_whole(
    fixture: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fixture.reader.looked_up("a.png")
    monkeypatch.setattr(image_reader, "_BLOCK_BYTES", 3)
    assert fixture.reader.looked_up("a.png") == whole
    assert len(fixture.reader.data_url(whole)) == whole.bytes_sent


def test_a_missing_file_is_told_at_once(fixture: Fixture) -> None:
    words = fixture.refused(lambda: fixture.reader.looked_up("none.png"))
    assert words.format("none.png") == "The image 'none.png' is not in the folder 'Images'."
    assert fixture.slept == []


@pytest.mark.parametrize("name", ["c.png", "d.png"])
def test_a_file_that_is_no_image_is_told_whatever_its_name(fixture: Fixture, name: str) -> None:
    assert "is no PNG, JPEG, GIF or WebP image" in fixture.refused(
        lambda: fixture.reader.looked_up(name)
    )


def test_a_large_file_is_not_read_to_its_end(
    fixture: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_reader, "LARGEST_IMAGE_BYTES", 100)
    fixture.folder.objects["a.png"] = png() + b"\0" * 1_000
    assert "is larger than" in fixture.refused(lambda: fixture.reader.looked_up("a.png"))


def test_a_file_that_changed_since_it_was_looked_up_is_not_sent(fixture: Fixture) -> None:
    image = fixture.reader.looked_up("a.png")
    for content in (png(7), png() + b"longer", b""):
        fixture.folder.objects["a.png"] = content
        assert "changed" in fixture.refused(lambda: fixture.reader.data_url(image))


def test_storage_that_fails_for_a_moment_is_tried_again(fixture: Fixture) -> None:
    fixture.folder.trouble = trouble("read", times=2)
    assert fixture.reader.looked_up("a.png").media_type == "image/png"
    assert fixture.slept == [0.5, 1.0]


def test_a_file_that_is_there_and_cannot_be_read_costs_its_row(fixture: Fixture) -> None:
    fixture.folder.trouble = trouble("read")
    assert "cannot be read" in fixture.refused(lambda: fixture.reader.looked_up("a.png"))


@pytest.mark.parametrize("actions", [("read", "has"), ("open",)])
def test_a_folder_that_cannot_be_read_ends_the_run_with_one_sentence(
    fixture: Fixture, actions: tuple[str, ...]
) -> None:
    fixture.folder.trouble = trouble(*actions)
    with pytest.raises(RunStoppedError) as caught:
        fixture.reader.looked_up("a.png")
    assert str(caught.value).startswith("The folder 'Images' cannot be read (OSError): ")
    assert "a.png" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert fixture.opened == 3
