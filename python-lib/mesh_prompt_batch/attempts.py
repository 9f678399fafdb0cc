"""What attempts at the same rows leave each other, and what rows find of themselves in other places.

A place in the run folder holds the answers of rows that Spark once gave to one task. Where it divides the same rows in
another way, a task finds them in the places of others: by the index of each, and only what tasks of its own stage did
not write, who have other rows.
"""

import logging
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mesh_prompt_batch.answer_block import MOST_CHARACTERS, SavedAnswer, encoded
from mesh_prompt_batch.checkpoint import FolderCheckpoint, Reuse
from mesh_prompt_batch.errors import RunStoppedError
from mesh_prompt_batch.found_answers import Found, whole_blocks
from mesh_prompt_batch.last_run import state_when_at_rest
from mesh_prompt_batch.row_index import (
    LONGEST,
    ROWS,
    IndexName,
    encoded_marks,
    index_name,
    marks_in,
)
from mesh_prompt_batch.run_folder import ANSWERS, RunFolder, answers_folder, epoch_of, tell_strays
from mesh_prompt_batch.run_state import RunState
from mesh_prompt_batch.run_store import RunStore

logger = logging.getLogger(__name__)

ANSWERS_AN_OBJECT = 10_000
# What a task forgets of old places: many tasks start at once, and each does a little.
MOST_FORGOTTEN = 5


@dataclass(frozen=True, slots=True)
class OwnRows:
    """`marks`: of the rows. `keys`: of their answers; None where equal rows are to have answers of their own."""

    index: IndexName
    marks: Sequence[int]
    keys: Callable[[], set[bytes]] | None


class AttemptCheckpoint(FolderCheckpoint):
    """Of a task: waits for other attempts at its rows, and begins with what any task answered of them."""

    packs = True

    def __init__(
        self,
        open_folder: Callable[[], RunFolder],
        reuse: Reuse,
        directory: Path,
        rows: OwnRows,
        epoch: str,
    ) -> None:
        """`epoch`: the one that all attempts at the rows share."""
        super().__init__(open_folder, reuse, directory, appends=False)
        self._rows = rows
        self._epoch = epoch

    def _take_place(self) -> None:
        """Waits for the end of other attempts as long as it takes."""
        while not self._claimed(state_when_at_rest(self._folder)):
            pass

    def _epoch_to_go_on(self, last: RunState | None) -> str:  # noqa: ARG002  # whatever the last one left
        return self._epoch

    def load(self, store: RunStore, failed: Callable[[RunStoppedError], None]) -> int:
        folder = self._folder.beside(ROWS)
        names = folder.names_below("")
        tell_strays(folder, [it for it in names if index_name(it) is None])
        there = _indexes(names)
        # Where an attempt came to its end, nothing is elsewhere that is not here.
        if not self._last_is_closed:
            self._bring(folder, there)
        self._tell_rows(folder, there)
        if self._old(there):
            # Others may have begun to ask theirs meanwhile.
            self._forget(folder, self._old(_indexes(folder.names_below(""))))
        return super().load(store, failed)

    def _bring(self, folder: RunFolder, there: Sequence[IndexName]) -> None:
        """Copy the answers of our rows from other places into ours."""
        own, keys = self._rows.index, self._rows.keys
        others = [
            it
            for it in there
            if it.place != own.place and (it.run, it.stage) != (own.run, own.stage)
        ]
        if not others or keys is None:
            return
        marks = {*self._rows.marks}
        places = [it.place for it in others if not marks.isdisjoint(_read_marks(folder, it))]
        if not places:
            return
        wanted, brought = keys(), 0
        found = (it for place in dict.fromkeys(places) for it in self._answers_of(place))
        ours = (it for it in found if it.key in wanted)
        for some in _by_object(ours):
            name = f"{answers_folder(self._state.epoch)}{self._state.owner}-brought-{brought:09d}"
            self._folder.write_bytes(name, encoded(some))
            brought += len(some)
        logger.info(f"Found {brought:,} answers where Spark had divided the rows in another way.")

    def _answers_of(self, place: str) -> Iterator[SavedAnswer]:
        folder = self._folder.beside(place)
        for name in filter(self._is_ours, folder.names_below(ANSWERS)):
            try:
                for _, held in whole_blocks(folder, name, Found()):
                    yield from held
            except RunStoppedError:
                # Its owner makes one object of many.
                logger.warning(
                    f"{folder.path(name)} is gone or cannot be read: what it held may be asked again."
                )

    def _tell_rows(self, folder: RunFolder, there: Sequence[IndexName]) -> None:
        """Once a run and place, before anything is answered; the indexes of earlier runs are of no use then."""
        own = self._rows.index
        earlier = [it for it in there if it.place == own.place]
        if any(it.run == own.run for it in earlier):
            return
        folder.write_bytes(str(own), encoded_marks(self._rows.marks))
        for it in earlier:
            folder.delete(str(it))

    def _old(self, there: Sequence[IndexName]) -> list[IndexName]:
        oldest = self._reuse.oldest()
        # A kill may leave a place its earlier index beside the new one.
        in_use = {self._rows.index.place} | {it.place for it in there if it.moment >= oldest}
        return [it for it in there if it.place not in in_use]

    def _forget(self, folder: RunFolder, old: Sequence[IndexName]) -> None:
        for it in random.sample(old, min(len(old), MOST_FORGOTTEN)):
            place = self._folder.beside(it.place)
            for name in filter(epoch_of, place.names_below(ANSWERS)):
                place.delete(name)
            folder.delete(str(it))


def _by_object(answers: Iterable[SavedAnswer]) -> Iterator[list[SavedAnswer]]:
    some, characters = list[SavedAnswer](), 0
    for it in answers:
        some.append(it)
        characters += len(it.record)
        if len(some) >= ANSWERS_AN_OBJECT or characters >= MOST_CHARACTERS:
            yield some
            some, characters = [], 0
    if some:
        yield some


def _indexes(names: Sequence[str]) -> list[IndexName]:
    return [it for it in map(index_name, names) if it is not None]


def _read_marks(folder: RunFolder, index: IndexName) -> Sequence[int]:
    try:
        with folder.read(str(index), LONGEST) as content:
            marks = marks_in(content.read())
    except RunStoppedError:
        # Its place was asked again, under another name, or forgotten.
        return ()
    if not marks:
        logger.warning(f"{folder.path(str(index))} in the run folder is damaged and passed over.")
    return marks
