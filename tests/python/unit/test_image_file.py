"""An image's type is that of its bytes; what stands for it tells content from content."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import jpeg, png

from mesh_prompt_batch.image_file import HEAD_BYTES, FolderImage, data_url, media_type_of


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (png(), "image/png"),
        (jpeg(), "image/jpeg"),
        (jpeg(200), "image/jpeg"),
        (b"GIF87a\1\0\1\0\0\0\0;", "image/gif"),
        (b"GIF89a\1\0\1\0\0\0\0;", "image/gif"),
        (b"RIFF\x1a\0\0\0WEBPVP8L", "image/webp"),
        (b"RIFF\x1a\0\0\0WAVEfmt ", None),
        (b"%PDF-1.7", None),
        (b"<svg xmlns=''></svg>", None),
        (b"plain text", None),
        (b"\x89PN", None),
        (b"", None),
    ],
)
def test_the_type_is_found_from_the_bytes(data: bytes, expected: str | None) -> None:
    assert media_type_of(data[:HEAD_BYTES]) == expected


@given(st.lists(st.binary(max_size=9)))
def test_a_data_url_holds_all_blocks_and_its_length_is_known_beforehand(
    blocks: list[bytes],
) -> None:
    data = b"".join(blocks)
    url = data_url("image/png", blocks)
    assert url == "data:image/png;base64," + base64.b64encode(data).decode()
    assert FolderImage("a.png", "image/png", len(data), "0" * 32).bytes_sent == len(url)


def test_the_short_url_has_type_size_and_digest_and_not_the_path() -> None:
    image = FolderImage("private/a.png", "image/png", 12, "ab")
    assert image.short_url == "data:image/png;bytes=12;blake2b=ab"
    assert "private" not in repr(image)
