"""The project's pages as they travel in the plugin's zip: no picture, no link to what is not in there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s]*)\)")
# Whichever begins first: code keeps its brackets, and a link may show code.
_CODE_OR_LINK = re.compile(
    rf"^ *```.*?^ *```|(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`)|(?P<link>{LINK.pattern})",
    re.MULTILINE | re.DOTALL,
)
_PICTURE_ALONE = re.compile(r"^!\[[^\n]*\]\([^()\s]*\)\n\n", re.MULTILINE)
_TITLE = re.compile(r"\A(# .+\n)")
NOTE = """
> This page came in the plugin's zip. Pictures, examples, benchmarks, tests and all that `make` calls are not in there:
> they are in the project that the zip was built from.
"""


def travelling(text: str, page: Path, shipped: Container[Path]) -> str:
    """`page` and `shipped` are relative to the project's root; so are they in the zip."""

    def piece(found: re.Match[str]) -> str:
        link = LINK.fullmatch(found["link"] or "")
        if link is None:
            return found[0]
        place = link[3].partition("#")[0]
        outside = re.match(r"[a-z]+:", place)
        there = not place or outside or _normal(page.parent / place) in shipped
        return found[0] if there and not link[1] else link[2]

    text = _TITLE.sub(lambda it: it[1] + NOTE, _PICTURE_ALONE.sub("", text))
    return _CODE_OR_LINK.sub(piece, text)


def _normal(path: Path) -> Path:
    """Without `..`, and without asking the disk."""
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts:
            parts.pop()
        else:
            parts.append(part)
    return type(path)(*parts)
