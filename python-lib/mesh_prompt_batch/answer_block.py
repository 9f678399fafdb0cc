"""The format of saved answers: blocks that carry their version, length and checksum, one after the other in an object.

A block is a header, big endian: 16 bytes of name, 2 of version, 4 of count, 8 of length, 32 of SHA-256; then so many
bytes of zlib: a line an answer, `key saved_at record`, with the key in hex and the moment in seconds since 1970.
"""

import hashlib
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol, cast

from mesh_prompt_batch.errors import PromptBatchError

VERSION = 1
_NAME = b"mesh answers\0\0\0\0"
_HEADER = struct.Struct(">16sHIQ32s")
_MOST_BYTES = 1 << 31


class SavedAnswer(NamedTuple):
    """`saved_at` in seconds since 1970."""

    key: bytes
    saved_at: int
    record: str


class DamagedError(PromptBatchError):
    """From here on the object holds no block that can be trusted."""


class NewerFormatError(PromptBatchError):
    """A later version of the plugin wrote this."""


class Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


def encoded(answers: Iterable[SavedAnswer]) -> bytes:
    """One block."""
    lines = [f"{key.hex()} {saved_at} {record}\n" for key, saved_at, record in answers]
    data = zlib.compress("".join(lines).encode(), 1)
    checksum = hashlib.sha256(data).digest()
    return _HEADER.pack(_NAME, VERSION, len(lines), len(data), checksum) + data


def blocks(stream: Stream) -> Iterator[bytes]:
    """The blocks of an object as they are, each checked. Raises DamagedError or NewerFormatError behind the last."""
    while header := _read(stream, _HEADER.size):
        length, checksum = _checked(header)
        data = _read(stream, length)
        if len(data) < length or hashlib.sha256(data).digest() != checksum:
            raise DamagedError("A block is cut short or changed.")
        yield header + data


def checksum_of(block: bytes) -> bytes:
    return cast("bytes", _HEADER.unpack_from(block)[4])


def answers(block: bytes) -> Iterator[SavedAnswer]:
    """What `encoded` was given."""
    for line in zlib.decompress(block[_HEADER.size :]).decode().splitlines():
        key, saved_at, record = line.split(" ", 2)
        yield SavedAnswer(bytes.fromhex(key), int(saved_at), record)


def _checked(header: bytes) -> tuple[int, bytes]:
    if len(header) < _HEADER.size:
        raise DamagedError("A header is cut short.")
    name, version, _, length, checksum = _HEADER.unpack(header)
    if name != _NAME:
        raise DamagedError("This is no block of answers.")
    if version > VERSION:
        raise NewerFormatError(f"Format {version} is newer than this plugin's, {VERSION}.")
    if length > _MOST_BYTES:
        raise DamagedError("A length is beyond reason.")
    return length, checksum


def _read(stream: Stream, size: int) -> bytes:
    """Streams of the network give less than is asked for; the end gives nothing."""
    pieces: list[bytes] = []
    while size > 0 and (piece := stream.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
