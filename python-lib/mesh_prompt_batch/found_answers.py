"""Reads what earlier runs left in the run folder, and trusts nothing that is not whole."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mesh_prompt_batch.answer_block import (
    MOST_CHARACTERS,
    DamagedError,
    NewerFormatError,
    SavedAnswer,
    answers,
    blocks,
    checksum_of,
    encoded,
)
from mesh_prompt_batch.part_list import Part
from mesh_prompt_batch.run_folder import RunFolder, written_by_newer
from mesh_prompt_batch.run_store import RunStore
from mesh_prompt_batch.saver import Saved

logger = logging.getLogger(__name__)

# A block may hold a single one, where answers come slowly; where they are long, fewer make a block.
ANSWERS_AT_ONCE = 200
# There may be half a million blocks: so few bytes of each in memory, and no two of them alike.
_CHECKSUM_BYTES = 8


@dataclass(slots=True)
class Found:
    """`answers` counts those that can be used, `expired` those too old, `repeated` blocks; `damaged` names objects.

    `seen`: the blocks that were read, each by the start of its checksum.
    """

    answers: int = 0
    expired: int = 0
    repeated: int = 0
    damaged: set[str] = field(default_factory=set)
    seen: set[int] = field(default_factory=set)

    @property
    def must_be_rewritten(self) -> bool:
        return bool(self.expired or self.repeated)

    def tell(self, expected: int) -> None:
        """`expected`: what the last run said it had saved."""
        if self.expired:
            logger.info(
                f"{self.expired:,} saved answers are older than 'Keep answers (days)' allows: forgotten."
            )
        missing = expected - self.answers - self.expired
        if missing > 0:
            logger.warning(
                f"The run folder should hold {expected:,} answers, {missing:,} of them are gone: they are asked again."
            )


def load_answers(
    folder: RunFolder, names: Sequence[str], store: RunStore, saved: Saved, oldest: float
) -> Found:
    """Fills `store` and `saved` from the objects `names`; answers from before `oldest` (epoch seconds) are left out.

    Raises RunStoppedError where a later version of the plugin wrote one.
    """
    found = Found()
    pending: list[tuple[bytes, str]] = []
    for name in names:
        start, characters = saved.ranges.size, 0
        for block, held in whole_blocks(folder, name, found):
            young = [it for it in held if it.saved_at >= oldest]
            found.expired += len(held) - len(young)
            if young:
                saved.ranges.append(block if len(young) == len(held) else encoded(young))
                pending += [(it.key, it.record) for it in young]
                characters += sum(len(it.record) for it in young)
            if len(pending) >= ANSWERS_AT_ONCE or characters >= MOST_CHARACTERS:
                store.add_answers(pending)
                pending.clear()
                characters = 0
        store.add_answers(pending)
        pending.clear()
        damaged = name in found.damaged
        saved.parts.found.append(Part(name, start, saved.ranges.size, damaged=damaged))
    found.answers = saved.found = store.all_answers_added()
    return found


def whole_blocks(
    folder: RunFolder, name: str, found: Found
) -> Iterator[tuple[bytes, list[SavedAnswer]]]:
    """The blocks of an object with their answers, but for those already `seen`."""
    own = set[int]()
    try:
        try:
            yield from _blocks_of(folder, name, found, own)
        except DamagedError:
            # Storage may have ended in mid-object, and said nothing.
            yield from _blocks_of(folder, name, found, own)
    except DamagedError as error:
        found.damaged.add(name)
        logger.warning(
            f"{folder.path(name)} in the run folder is damaged and read no further: {error} What it held beyond"
            " is asked again."
        )
    except NewerFormatError:
        raise written_by_newer() from None


def _blocks_of(
    folder: RunFolder, name: str, found: Found, own: set[int]
) -> Iterator[tuple[bytes, list[SavedAnswer]]]:
    """Adds to `own` what it gave, and gives nothing of that again. Raises DamagedError."""
    repeated = 0
    with folder.read(name) as stream:
        for block in blocks(stream):
            checksum = int.from_bytes(checksum_of(block)[:_CHECKSUM_BYTES], "big")
            if checksum in found.seen:
                repeated += checksum not in own
                continue
            # Once: to unpack a block is most of what reading it costs.
            held = list(answers(block))
            found.seen.add(checksum)
            own.add(checksum)
            yield block, held
    found.repeated += repeated
