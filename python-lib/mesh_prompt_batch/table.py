"""A table as a macro shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Column labels by id, and rows of texts in that order; no `title`: none is shown."""

    columns: Mapping[str, str]
    rows: Sequence[Sequence[str]]
    title: str = ""
