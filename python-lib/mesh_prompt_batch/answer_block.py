"""The format of saved answers: blocks that carry their version, length and checksum, one after the other in an object.

A block is a header, big endian: 16 bytes of name, 2 of version, 4 of count, 8 of length, 32 of SHA-256 over all else of
the block; then so many bytes of zlib: a line of ASCII an answer, `key saved_at record`, with the key in hex and the
moment in seconds since 1970. Later versions keep the header, so that a later version can be told from a damaged block.
"""

import hashlib
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol, cast

from mesh_prompt_batch.errors import PromptBatchError
from mesh_prompt_batch.fingerprint import FINGERPRINT_BYTES

VERSION = 1
_NAME = b"mesh answers\0\0\0\0"
_HEADER = struct.Struct(">16sHIQ32s")
_CHECKSUM_AT = _HEADER.size - 32
_KEY = struct.Struct(f"{FINGERPRINT_BYTES}s")
# What a block of ours holds of records, or a single one that is longer.
MOST_CHARACTERS = 4_000_000
MOST_BYTES = 64 * 1024 * 1024
# The shortest record has more than a hundred.
MOST_ANSWERS = 100_000
_PIECE_BYTES = 1 << 20


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
    header = _HEADER.pack(_NAME, VERSION, len(lines), len(data), b"")[:_CHECKSUM_AT]
    return header + _checksum(header, data) + data


def blocks(stream: Stream) -> Iterator[bytes]:
    """The blocks of an object as they are, each checked. Raises DamagedError or NewerFormatError behind the last."""
    while header := _read(stream, _HEADER.size):
        version, length = _described(header)
        data = _read(stream, length)
        if len(data) < length or _checksum(header, data) != checksum_of(header):
            raise DamagedError("A block is cut short or changed.")
        if version > VERSION:
            raise NewerFormatError(f"Format {version} is newer than this plugin's, {VERSION}.")
        yield header + data


def checksum_of(block: bytes) -> bytes:
    return cast("bytes", _HEADER.unpack_from(block)[4])


def answers(block: bytes) -> Iterator[SavedAnswer]:
    """What `encoded` was given. Raises DamagedError: a checksum tells what was cut, not what was made up."""
    try:
        for lines in _lines(block[_HEADER.size :]):
            for line in lines:
                digits, saved_at, record = line.split(" ", 2)
                (key,) = _KEY.unpack(bytes.fromhex(digits))
                yield SavedAnswer(key, int(saved_at), record)
    except (ValueError, struct.error, zlib.error):
        raise DamagedError("A block holds something else than answers.") from None


def _lines(data: bytes) -> Iterator[list[str]]:
    """Some at a time. A few bytes can be packed that stand for more than there is memory: raises ValueError."""
    reader, size, count, rest = zlib.decompressobj(), 0, 0, ""
    while not reader.eof:
        piece = reader.decompress(data, _PIECE_BYTES)
        data = reader.unconsumed_tail
        lines = piece.decode("ascii").split("\n")
        lines[0] = rest + lines[0]
        rest = lines.pop()
        size += len(piece)
        count += len(lines)
        is_cut = not piece and not reader.eof
        if is_cut or size > MOST_BYTES or count > MOST_ANSWERS:
            raise ValueError
        yield lines
    if rest:
        raise ValueError


def _checksum(header: bytes, data: bytes) -> bytes:
    digest = hashlib.sha256(header[:_CHECKSUM_AT])
    digest.update(data)
    return digest.digest()


def _described(header: bytes) -> tuple[int, int]:
    """Version and length, as they are claimed."""
    if len(header) < _HEADER.size:
        raise DamagedError("A header is cut short.")
    name, version, _, length, _ = _HEADER.unpack(header)
    if name != _NAME:
        raise DamagedError("This is no block of answers.")
    if length > MOST_BYTES:
        raise DamagedError("A length is beyond reason.")
    return version, length


def _read(stream: Stream, size: int) -> bytes:
    """Streams of the network give less than is asked for; the end gives nothing."""
    pieces: list[bytes] = []
    # Piece by piece: a reader may reserve what it is asked for.
    while size > 0 and (piece := stream.read(min(size, _PIECE_BYTES))):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
