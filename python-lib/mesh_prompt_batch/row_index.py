"""Which rows lie in which place of the run folder: a small object a place, whose name tells who wrote it and when."""

import hashlib
import re
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mesh_prompt_batch.run_id import RUN_ID, start_of

ROWS = "rows"
_CHECKSUM_BYTES = 16
# Of sixteen million rows: no task asks as many.
LONGEST = 128 * 1024 * 1024
_NAME = re.compile(rf"([0-9]{{7,18}}-[0-9a-f]{{32}})-({RUN_ID})-(0|[1-9][0-9]{{0,17}})")


@dataclass(frozen=True, slots=True)
class IndexName:
    """`place`: of the rows. `run`, `stage`: of the task that was the last to ask them."""

    place: str
    run: str
    stage: int
    moment: float

    def __str__(self) -> str:
        return f"{self.place}-{self.run}-{self.stage}"


def index_name(name: str) -> IndexName | None:
    """None where it is another object's."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    try:
        return IndexName(found[1], found[2], int(found[3]), start_of(found[2]))
    except ValueError:
        return None


def encoded_marks(marks: Iterable[int]) -> bytes:
    data = array("Q", sorted({*marks})).tobytes()
    return hashlib.sha256(data).digest()[:_CHECKSUM_BYTES] + data


def marks_in(content: bytes) -> Sequence[int]:
    """None at all where it was cut short or is something else."""
    checksum, data = content[:_CHECKSUM_BYTES], content[_CHECKSUM_BYTES:]
    if hashlib.sha256(data).digest()[:_CHECKSUM_BYTES] != checksum or len(data) % 8:
        return ()
    found = array("Q")
    found.frombytes(data)
    return found
