"""An image of a managed folder: its type, found from its bytes, and what stands for it until a call sends it."""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

LARGEST_IMAGE_BYTES = 20_000_000
HEAD_BYTES = 12
KINDS = "PNG, JPEG, GIF or WebP"
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def media_type_of(head: bytes) -> str | None:
    """From the first HEAD_BYTES: a name may lie. None where it is no image that LLMs take."""
    if head.startswith(b"RIFF") and head[8:HEAD_BYTES] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _SIGNATURES if head.startswith(start)), None)


@dataclass(frozen=True, slots=True)
class FolderImage:
    """An image as it was when its row was read; `size` in bytes, `digest` of its content."""

    path: str = field(repr=False)
    media_type: str
    size: int
    digest: str

    @property
    def short_url(self) -> str:
        """Equal for images of equal content, wherever they lie."""
        return short_url(self.media_type, self.size, self.digest)

    @property
    def bytes_sent(self) -> int:
        """Length of its data URL."""
        return len(_head_of_url(self.media_type)) + (self.size + 2) // 3 * 4


def short_url(media_type: str, size: int, digest: str) -> str:
    """A data URL without its data."""
    return f"data:{media_type};bytes={size};blake2b={digest}"


def data_url(media_type: str, blocks: Iterable[bytes]) -> str:
    """Of the whole content, which comes in blocks of any length and is never there as a whole."""
    pieces, rest = [_head_of_url(media_type)], b""
    for block in blocks:
        data = rest + block
        # Three bytes are four characters: what is left over goes with the next block.
        whole = len(data) // 3 * 3
        pieces.append(base64.b64encode(data[:whole]).decode("ascii"))
        rest = data[whole:]
    pieces.append(base64.b64encode(rest).decode("ascii"))
    return "".join(pieces)


def new_digest() -> "hashlib.blake2b":
    """To be fed with an image's bytes; its `hexdigest` is what FolderImage holds."""
    return hashlib.blake2b(digest_size=16, person=b"image v1")


def _head_of_url(media_type: str) -> str:
    return f"data:{media_type};base64,"
