"""A project as a folder: a dataset is a schema and a file of quoted TSV, a managed folder is a folder."""

import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, unquote

Column = Mapping[str, object]

_NEEDS_QUOTES = re.compile(r'[\t\r\n"]')
_CELL = re.compile(r'"((?:[^"]|"")*)"(\t|\n|$)|([^\t\n]*)(\t|\n|$)')


class DatasetError(Exception):
    """What DSS would say of a dataset."""


class StoredDataset:
    """The files of one dataset; cells are texts, and "" is null."""

    def __init__(self, folder: Path, partition: str = "") -> None:
        """The schema is that of all partitions."""
        self.folder = folder
        self._place = folder / "partitions" / quote(partition, safe="") if partition else folder
        self.data = self._place / "data.tsv"
        self._schema = folder / "schema.json"
        self._open = self._place / "session"

    @property
    def schema(self) -> list[dict[str, object]]:
        return json.loads(self._schema.read_text()) if self._schema.exists() else []

    def set_schema(self, columns: Sequence[Column]) -> None:
        _replace(self._schema, json.dumps([dict(column) for column in columns]))

    @property
    def metrics(self) -> dict[str, dict[str, float]]:
        """The last values published from outside, by partition; "" is the whole dataset."""
        files = (self.folder / "metrics").glob("*.json")
        return {
            unquote(it.name.removesuffix(".json")): json.loads(it.read_text())
            for it in sorted(files)
        }

    def publish(self, partition: str, values: Mapping[str, float]) -> None:
        there = self.metrics.get(partition, {})
        name = f"{quote(partition, safe='')}.json"
        _replace(self.folder / "metrics" / name, json.dumps({**there, **values}))

    def put(self, rows: Iterable[Sequence[str]]) -> None:
        """Fill it as something other than the job under test would."""
        self._place.mkdir(parents=True, exist_ok=True)
        with self.data.open("w", encoding="utf-8", newline="") as file:
            file.writelines(map(tsv_line, rows))

    def start_session(self, *, append: bool) -> None:
        """Overwriting clears the dataset here, before the first row comes."""
        self._place.mkdir(parents=True, exist_ok=True)
        self._open.touch()
        if not append or not self.data.exists():
            self.data.write_bytes(b"")

    def push(self, block: bytes) -> None:
        with self.data.open("ab") as file:
            file.write(block)

    def end_session(self) -> None:
        self._open.unlink()

    def check_readable(self) -> None:
        """Raises DatasetError where a writer died in the middle, or nothing was ever written."""
        if self._open.exists():
            raise DatasetError(f"ERR_DATASET_TRUNCATED_COMPRESSED_DATA: {self.folder.name}")
        if not self.data.exists():
            raise DatasetError(f"ERR_JOB_INPUT_DATASET_NOT_READY_NO_FILES: {self.folder.name}")

    def rows(self) -> list[dict[str, str]]:
        """Every cell as the text that is stored, without pandas in between."""
        self.check_readable()
        names = [str(column["name"]) for column in self.schema]
        text = self.data.read_bytes().decode()
        return [dict(zip(names, cells, strict=True)) for cells in _parsed(text)]


class Project:
    """The datasets of one project key."""

    def __init__(self, folder: Path, key: str) -> None:
        self.folder = folder
        self.key = key

    def dataset(self, name: str, partition: str = "") -> StoredDataset:
        return StoredDataset(self.folder / "datasets" / name, partition)

    def managed_folder(self, name: str) -> Path:
        return self.folder / "folders" / name

    def create(
        self,
        name: str,
        columns: Sequence[Column],
        rows: Iterable[Sequence[str]],
        partition: str = "",
    ) -> StoredDataset:
        dataset = self.dataset(name, partition)
        dataset.set_schema(columns)
        dataset.put(rows)
        return dataset

    def create_texts(
        self, name: str, rows: Sequence[Mapping[str, str]], partition: str = ""
    ) -> StoredDataset:
        """A dataset of string columns, named by the first row."""
        columns = [{"name": key, "type": "string"} for key in rows[0]]
        return self.create(name, columns, [list(row.values()) for row in rows], partition)


def _replace(file: Path, text: str) -> None:
    """At once: jobs of several partitions write it, and each reads it whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False) as whole:
        whole.write(text)
    Path(whole.name).replace(file)


def tsv_line(cells: Sequence[str]) -> str:
    """What pandas reads and what DSS streams: doubled quotes, no header.

    Not the `csv` module: before Python 3.11 it can neither write nor read NUL.
    """
    if list(cells) == [""]:
        return '""\n'  # an empty line would be no row
    return "\t".join(map(_quoted, cells)) + "\n"


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if _NEEDS_QUOTES.search(cell) else cell


def _parsed(text: str) -> Iterator[list[str]]:
    position, row = 0, list[str]()
    while position < len(text):
        match = _CELL.match(text, position)
        if match is None:
            raise DatasetError("the stored data is no TSV")
        quoted, plain = match.group(1), match.group(3)
        row.append(plain if quoted is None else quoted.replace('""', '"'))
        position = match.end()
        if (match.group(2) or match.group(4) or "\n") == "\n":
            yield row
            row = []
