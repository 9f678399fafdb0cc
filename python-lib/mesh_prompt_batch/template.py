"""Text with places for cells: `{{column}}`."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mesh_prompt_batch.errors import PromptBatchError

_TWO_BRACES = "{{"
_TWO_BRACES_AS_TEXT = "{{{{"
_PLACE = re.compile(r"\{\{\{\{|\{\{([^{}]+)\}\}")


class MalformedTemplateError(PromptBatchError):
    """The message is the end of a sentence that begins with the field's label; it quotes nothing of the template."""


@dataclass(frozen=True, slots=True)
class Template:
    """`literals` and the cells of `columns` alternate; there is one literal more."""

    literals: tuple[str, ...] = field(default=("",), repr=False)
    columns: tuple[str, ...] = ()

    @classmethod
    def of_column(cls, name: str) -> "Template":
        """The cell itself; a blank template where no column was chosen."""
        return cls(("", ""), (name,)) if name else cls()

    @classmethod
    def parsed(cls, text: str) -> "Template":
        """`{{column}}` is a cell, spaces inside the braces do not count; `{{{{` is the text `{{`.

        Closing braces alone are text: JSON is full of them, and has no `{{`. Raises MalformedTemplateError.
        """
        literals, columns, read_to = [""], [], 0
        for place in _PLACE.finditer(text):
            literals[-1] += _text(text, read_to, place.start())
            read_to = place.end()
            if place.group() == _TWO_BRACES_AS_TEXT:
                literals[-1] += _TWO_BRACES
            else:
                columns.append(_column(text, place))
                literals.append("")
        literals[-1] += _text(text, read_to, len(text))
        return cls(tuple(literals), tuple(columns))

    @property
    def is_blank(self) -> bool:
        """Whether every row's text is blank."""
        return not self.columns and not self.literals[0].strip()

    def filler(self, columns: Sequence[str]) -> Callable[[Sequence[str]], str]:
        """A function from a row's cells, in the order of `columns`, to the text; cells go in as they are, once."""
        places = [columns.index(name) for name in self.columns]
        first, rest = self.literals[0], self.literals[1:]

        def filled(row: Sequence[str]) -> str:
            parts = [first]
            for place, literal in zip(places, rest, strict=True):
                parts += (row[place], literal)
            return "".join(parts)

        return filled


def _column(text: str, place: re.Match[str]) -> str:
    name = str(place.group(1)).strip()
    if not name or "\n" in name:
        raise _malformed(text, place.start())
    return name


def _text(template: str, start: int, end: int) -> str:
    stray = template.find(_TWO_BRACES, start, end)
    if stray >= 0:
        raise _malformed(template, stray)
    return template[start:end]


def _malformed(template: str, position: int) -> MalformedTemplateError:
    line = template.count("\n", 0, position) + 1
    return MalformedTemplateError(
        f"has two opening braces in line {line} that begin no {{{{column}}}}: close them behind a column's name,"
        f" or write {_TWO_BRACES_AS_TEXT} where the prompt itself is to have two braces"
    )
