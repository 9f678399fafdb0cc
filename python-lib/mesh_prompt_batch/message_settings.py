"""Where a row's messages come from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mesh_prompt_batch.form import Form

LABELS = {
    "system_column": "System message column",
    "user_column": "User message column",
}


@dataclass(frozen=True, slots=True)
class MessageSettings:
    """Names of columns; "" where none was chosen."""

    user_column: str
    system_column: str

    @classmethod
    def from_form(cls, form: Form) -> "MessageSettings":
        return cls(
            user_column=form.required_text(
                "user_column", "choose the column with the prompt of each row"
            ),
            system_column=form.text("system_column"),
        )

    def chosen_columns(self) -> Sequence[tuple[str, str]]:
        """Parameter and column, of the columns whose cells are read."""
        return (("user_column", self.user_column), ("system_column", self.system_column))

    def described(self) -> Mapping[str, object]:
        return {"system column": self.system_column or "none", "user column": self.user_column}
