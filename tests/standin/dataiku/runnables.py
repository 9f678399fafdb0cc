"""Macros: the base class and the table, which refuse what DSS's pages do not promise."""

from collections.abc import Sequence

TYPES = ("STRING", "STRING_LIST")


class Runnable:
    """What a macro extends."""


class ResultTable:
    """Columns first, then records of that length."""

    def __init__(self) -> None:
        self.name: str | None = None
        self.columns: list[dict[str, str]] = []
        self.records: list[list[object]] = []

    def set_name(self, name: str) -> None:
        self.name = name

    def add_column(self, id: str, label: str, type: str) -> None:  # noqa: A002  # DSS's own names
        if type not in TYPES:
            raise ValueError(f"Column type {type} is not among {', '.join(TYPES)}.")
        if self.records:
            raise ValueError("Columns come before records.")
        if id in {column["name"] for column in self.columns}:
            raise ValueError(f"There is a column {id} already.")
        self.columns.append({"name": id, "label": label, "type": type})

    def add_record(self, record: Sequence[object]) -> None:
        if len(record) != len(self.columns):
            raise ValueError(f"{len(record)} cells for {len(self.columns)} columns.")
        self.records.append(list(record))
