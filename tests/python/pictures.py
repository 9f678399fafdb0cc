"""Small real images, made from their formats' rules."""

import struct
import zlib


def png(shade: int = 128, width: int = 2, height: int = 2) -> bytes:
    """A grey PNG of 8 bits a pixel."""
    rows = (b"\0" + bytes([shade]) * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*it) for it in chunks)


def jpeg(shade: int = 128) -> bytes:
    """A grey baseline JPEG of 8 times 8 pixels: one code for the block's mean, one for the end of the block."""
    step = shade - 128
    size = abs(step).bit_length()
    bits = f"{step if step > 0 else step + (1 << size) - 1:0{size}b}" if size else ""
    coded = f"0{bits}0"
    coded += "1" * (-len(coded) % 8)
    data = int(coded, 2).to_bytes(len(coded) // 8, "big").replace(b"\xff", b"\xff\0")
    segments = (
        (0xE0, b"JFIF\0" + bytes([1, 1, 0, 0, 1, 0, 1, 0, 0])),
        (0xDB, b"\0" + bytes([8] * 64)),
        (0xC0, struct.pack(">BHHB", 8, 8, 8, 1) + bytes([1, 0x11, 0])),
        (0xC4, b"\x00" + bytes([1, *[0] * 15, size])),
        (0xC4, b"\x10" + bytes([1, *[0] * 15, 0])),
        (0xDA, bytes([1, 1, 0, 0, 63, 0])),
    )
    body = b"".join(struct.pack(">BBH", 0xFF, it, len(part) + 2) + part for it, part in segments)
    return b"\xff\xd8" + body + data + b"\xff\xd9"


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
