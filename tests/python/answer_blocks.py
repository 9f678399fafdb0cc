"""Blocks of saved answers that somebody made up, with a checksum that is right."""

from mesh_prompt_batch import answer_block


def block_of(data: bytes, count: int = 1, length: int | None = None) -> bytes:
    told = (
        answer_block._NAME,
        answer_block.VERSION,
        count,
        len(data) if length is None else length,
    )
    header = answer_block._HEADER.pack(*told, b"")[: answer_block._CHECKSUM_AT]
    return header + answer_block._checksum(header, data) + data
