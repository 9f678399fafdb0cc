"""Rows that cannot be sent, told by number and reason: nothing that a cell says is in the reason."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mesh_prompt_batch.completion import CompletionRequest
from mesh_prompt_batch.errors import RequestError

_MARK = re.compile("['\"]")
_QUOTED = re.compile(r"'([^']*)'")
_CUT = "'…'"


@dataclass(frozen=True, slots=True)
class InvalidRow:
    """`number` is the row's own, from 1, or None where nobody knows it."""

    number: int | None
    reason: str


def invalid_rows(
    requests: Sequence[CompletionRequest | RequestError],
    numbers: Sequence[int] | None,
    columns: Sequence[str],
) -> list[InvalidRow]:
    return [
        InvalidRow(numbers[place] if numbers else None, reason(it.provider_words, columns))
        for place, it in enumerate(requests)
        if isinstance(it, RequestError)
    ]


def reason(words: str, columns: Sequence[str]) -> str:
    """Our sentence up to the first thing in quotes that is no column's name, and behind the last quotation mark."""
    known, place = {*columns, "Images"}, 0
    while mark := _MARK.search(words, place):
        quoted = _QUOTED.match(words, mark.start())
        if quoted is None or quoted.group(1) not in known:
            last = max(words.rfind("'"), words.rfind('"'))
            return f"{words[: mark.start()]}{_CUT}{words[last + 1 :]}"
        place = quoted.end()
    return words
