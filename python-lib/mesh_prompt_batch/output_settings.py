"""Which rows and columns go in and come out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mesh_prompt_batch.form import Form, Range

LABELS = {
    "row_limit": "Only the first rows",
    "columns_to_keep": "Input columns to keep",
    "output_columns": "Output columns",
}
OUTPUT_COLUMN_SETS = ("essential", "standard", "full")


@dataclass(frozen=True, slots=True)
class OutputSettings:
    """No `columns_to_keep`: all are kept. No `row_limit`: all rows."""

    row_limit: int | None
    columns_to_keep: tuple[str, ...]
    output_columns: str

    @classmethod
    def from_form(cls, form: Form) -> "OutputSettings":
        return cls(
            row_limit=form.optional_integer("row_limit", Range(1), None),
            columns_to_keep=form.texts("columns_to_keep"),
            output_columns=form.choice("output_columns", OUTPUT_COLUMN_SETS, "standard"),
        )

    def chosen_columns(self) -> Sequence[tuple[str, str]]:
        """Parameter and column, of the columns that go along."""
        return [("columns_to_keep", name) for name in self.columns_to_keep]

    def described(self) -> Mapping[str, object]:
        return {
            "rows": self.row_limit or "all",
            "columns kept": ", ".join(self.columns_to_keep) or "all",
            "output columns": self.output_columns,
        }
