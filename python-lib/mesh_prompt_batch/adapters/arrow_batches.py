"""The only import of pyarrow: the batches of a partition, kept on local disk while their rows are asked.

Their own columns are never looked into, so they come out as they went in, whatever their types.
"""

import itertools
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from mesh_prompt_batch.output import Cell, Column

if TYPE_CHECKING:
    from typing_extensions import Self

TYPES = {
    "string": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
}


class SpooledBatches:
    """A partition as a source of texts; `completed` gives its batches back. Memory holds one batch."""

    def __init__(
        self, batches: Iterable[pa.RecordBatch], positions: Mapping[str, int], directory: Path
    ) -> None:
        """Reads all of them. `positions`: of the columns with the cells that are read, by name."""
        self._positions = positions
        # Without a name where the system allows that, readable by its owner alone.
        self._file = tempfile.TemporaryFile(prefix="prompt-batch-", dir=directory)  # noqa: SIM115  # `close`
        writer: pa.ipc.RecordBatchStreamWriter | None = None
        for batch in batches:
            writer = writer or pa.ipc.new_stream(self._file, batch.schema)
            writer.write_batch(batch)
        if writer is not None:
            writer.close()

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def schema(self) -> list[Column]:
        return [{"name": name, "type": "string"} for name in self._positions]

    def chunks(self, columns: Sequence[str]) -> Iterator[list[tuple[str, ...]]]:
        for batch in self._read():
            yield _texts(batch, [self._positions[it] for it in columns])

    def completed(
        self, rows: Iterator[Sequence[Cell]], kept: Sequence[str], added: Sequence[Column]
    ) -> Iterator[pa.RecordBatch]:
        """The first columns of every batch, by the names `kept`, and those that the cells of `rows` make."""
        # The first row comes when all are decided, and nobody else reads any more.
        first = next(rows)
        rows = itertools.chain([first], rows)
        for batch in self._read():
            cells = list(itertools.islice(rows, batch.num_rows))
            yield _with_columns(batch, kept, added, cells)

    def _read(self) -> Iterator[pa.RecordBatch]:
        self._file.seek(0)
        yield from pa.ipc.open_stream(self._file)


def _texts(batch: pa.RecordBatch, positions: Sequence[int]) -> list[tuple[str, ...]]:
    columns = ([cell or "" for cell in batch.column(at).to_pylist()] for at in positions)
    return list(zip(*columns, strict=True))


def _with_columns(
    batch: pa.RecordBatch,
    kept: Sequence[str],
    added: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
) -> pa.RecordBatch:
    ours = [
        pa.array([row[at] for row in rows], TYPES[str(column["type"])])
        for at, column in enumerate(added)
    ]
    names = [*kept, *(str(it["name"]) for it in added)]
    return pa.RecordBatch.from_arrays([*batch.columns[: len(kept)], *ours], names=names)
