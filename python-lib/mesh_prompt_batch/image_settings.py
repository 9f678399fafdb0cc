"""Which images go with a row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mesh_prompt_batch.form import Form

LABELS = {"image_column": "Image column"}


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """The name of a column; "" where none was chosen."""

    column: str

    @classmethod
    def from_form(cls, form: Form) -> "ImageSettings":
        return cls(form.text("image_column"))

    def chosen_columns(self) -> Sequence[tuple[str, str]]:
        """As MessageSettings has it."""
        return (("image_column", self.column),)

    def described(self) -> Mapping[str, object]:
        return {"image column": self.column} if self.column else {}
