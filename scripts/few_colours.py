"""Pictures of pages, in few colours and so in few bytes: documents with large ones are slow to open."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_COLOURS = 32
SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TRUE_COLOUR, _OF_A_PALETTE = 2, 3
Colour = tuple[int, int, int]


def in_few_colours(png: bytes) -> bytes:
    """The picture with a palette of its own; of 8 bits a channel, not interlaced, as browsers write them."""
    width, height, channels, data = _read(png)
    lines = [[*_pixels(it, channels)] for it in _lines(data, width * channels, channels)]
    palette = _palette(Counter(pixel for line in lines for pixel in line))
    nearest: dict[Colour, int] = {}
    packed = bytearray()
    for line in lines:
        packed.append(0)
        for pixel in line:
            if pixel not in nearest:
                nearest[pixel] = _nearest(palette, pixel)
            packed.append(nearest[pixel])
    header = struct.pack(">IIBBBBB", width, height, 8, _OF_A_PALETTE, 0, 0, 0)
    colours = bytes(channel for colour in palette for channel in colour)
    parts = [
        (b"IHDR", header),
        (b"PLTE", colours),
        (b"IDAT", zlib.compress(bytes(packed), 9)),
        (b"IEND", b""),
    ]
    return SIGNATURE + b"".join(_chunk(kind, body) for kind, body in parts)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _read(png: bytes) -> tuple[int, int, int, bytes]:
    """Width, height, channels and the filtered lines."""
    at, body, shape = len(SIGNATURE), b"", (0, 0, 0)
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        data = png[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height, _, colour = struct.unpack(">IIBB", data[:10])
            shape = (width, height, 3 if colour == _TRUE_COLOUR else 4)
        elif kind == b"IDAT":
            body += data
        at += length + 12
    return (*shape, zlib.decompress(body))


def _lines(data: bytes, length: int, channels: int) -> Iterator[bytearray]:
    """Without PNG's filters (ISO/IEC 15948, 9.2)."""
    above = bytearray(length)
    for start in range(0, len(data), length + 1):
        line = bytearray(data[start + 1 : start + 1 + length])
        kind = data[start]
        for at in range(length):
            left = line[at - channels] if at >= channels else 0
            corner = above[at - channels] if at >= channels else 0
            line[at] = (line[at] + _predicted(kind, left, above[at], corner)) & 255
        yield line
        above = line


def _predicted(kind: int, left: int, up: int, corner: int) -> int:
    if kind == 4:  # noqa: PLR2004  # Paeth
        estimate = left + up - corner
        return min((left, up, corner), key=lambda it: abs(estimate - it))
    return (0, left, up, (left + up) // 2)[kind]


def _pixels(line: bytearray, channels: int) -> Iterator[Colour]:
    for at in range(0, len(line), channels):
        yield line[at], line[at + 1], line[at + 2]


def _palette(counted: Counter[Colour]) -> list[Colour]:
    """Areas keep their colours; of the others the most frequent, each as far from the rest as it takes to be so few."""
    area = counted.total() // 500
    areas = [it for it, count in counted.most_common(MOST_COLOURS // 2) if count > area]
    distance = 0
    while True:
        chosen = areas.copy()
        for colour, _ in counted.most_common():
            if all(_apart(colour, it) > distance for it in chosen):
                chosen.append(colour)
            if len(chosen) > MOST_COLOURS:
                break
        if len(chosen) <= MOST_COLOURS:
            return chosen
        distance = distance * 5 // 4 + 16


def _nearest(palette: list[Colour], colour: Colour) -> int:
    """Its place in the palette."""
    return min(range(len(palette)), key=lambda at: _apart(palette[at], colour))


def _apart(one: Colour, other: Colour) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))
