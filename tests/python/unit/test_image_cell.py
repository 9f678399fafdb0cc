"""A cell of the image column: what it names, or why its row cannot be sent."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_prompt_batch import image_cell
from mesh_prompt_batch.errors import RequestError
from mesh_prompt_batch.image_cell import MOST_IMAGES, bytes_of_data_url, images_named

WEB = "https://example.com/a.png?x=1#y"
DATA = "data:image/png;base64,iVBORw0KGgo="
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"], exclude_characters="/\\:[]"))


def paths(cell: str) -> list[str]:
    return [it.path for it in images_named(cell)]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("", []),
        (" \n\t ", []),
        ("[]", []),
        ("cat.png", ["cat.png"]),
        ("/pets/cat.png", ["pets/cat.png"]),
        ("./pets//cat.png", ["pets/cat.png"]),
        ("a.png\n\nb.png\r\n c.png ", ["a.png", "b.png", "c.png"]),
        ('["a.png", "b c.png"]', ["a.png", "b c.png"]),
        ('[" a.png ", ""]', ["a.png"]),
        ("[draft] a.png", ["[draft] a.png"]),
        ("..a.png", ["..a.png"]),
        ("notes: a.png", ["notes: a.png"]),
        (f"a.png\n{WEB}\n{DATA}", ["a.png", "", ""]),
        ("HTTP://EXAMPLE.COM/a.png", [""]),
    ],
)
def test_a_cell_holds_paths_or_addresses_by_line_or_as_a_list(
    cell: str, expected: list[str]
) -> None:
    assert paths(cell) == expected


def test_names_stay_as_the_cell_has_them() -> None:
    assert [it.name for it in images_named(f"/a.png\n{WEB}")] == ["/a.png", WEB]


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("../secret.png", "'../secret.png' lies outside the folder 'Images'"),
        ("pets/../../secret.png", "lies outside"),
        ("pets\\..\\secret.png", "lies outside"),
        ("C:\\secret.png", "lies outside"),
        ("c:/secret.png", "lies outside"),
        ("file:///etc/passwd", "no valid http, https or data address"),
        ("s3://bucket/a.png", "no valid http, https or data address"),
        ("https://example.com/with space.png", "no valid http, https or data address"),
        ("/", "is no file"),
        ("data:text/html;base64,AAAA", "must begin with data:image/"),
        ("data:image/png,AAAA", "must begin with data:image/"),
        ("[1, 2]", "texts alone"),
        ('[["a.png"]]', "texts alone"),
        ("[a.png]", "no valid JSON"),
        ("a\x00.png", "NUL"),
        ("a\ud800.png", "lone surrogate"),
        ("\n".join(["a.png"] * (MOST_IMAGES + 1)), "names 21 images; at most 20"),
    ],
)
def test_what_cannot_be_an_image_costs_its_row_and_says_why(cell: str, words: str) -> None:
    with pytest.raises(RequestError) as caught:
        images_named(cell)
    assert caught.value.error_type == "invalid_row"
    assert words in caught.value.provider_words
    assert "png" not in str(caught.value)


def test_a_data_address_that_is_too_large_is_refused_without_quoting_all_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(image_cell, "LARGEST_IMAGE_BYTES", 3_000_000)
    assert images_named(DATA + "A" * 3_900_000)
    with pytest.raises(RequestError) as caught:
        images_named(DATA + "A" * 4_000_000)
    assert "larger than the 3 MB" in caught.value.provider_words
    assert len(caught.value.provider_words) < 400


def test_bytes_of_an_address_are_those_of_its_data() -> None:
    assert bytes_of_data_url("data:image/png;base64," + "AAAA" * 100) == 300
    assert bytes_of_data_url(WEB) == 0


@given(st.text() | st.text("[]\"',./\\ \n:datimgehps;base64\x00").map(lambda it: f"[{it}]"))
def test_whatever_the_cell_nothing_but_invalid_row_is_raised_and_no_path_leaves(cell: str) -> None:
    with contextlib.suppress(RequestError):
        for image in images_named(cell):
            steps = image.path.split("/")
            assert ".." not in steps
            assert image.path == "" or "" not in steps
            image.path.encode()


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists))
def test_any_json_is_a_list_of_names_or_an_invalid_row(value: object) -> None:
    with contextlib.suppress(RequestError):
        images_named(json.dumps([value]))


@given(st.lists(NAMES.filter(lambda it: it.strip() not in {"", ".", ".."}), max_size=MOST_IMAGES))
def test_a_list_and_lines_of_the_same_names_say_the_same(names: list[str]) -> None:
    assert paths(json.dumps(names)) == paths("\n".join(names)) == names
