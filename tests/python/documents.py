"""The project's documents, taken apart: prose, code, links, headings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from scripts.travelling_pages import LINK

ROOT = Path(__file__).resolve().parents[2]
# What tools and builds leave behind.
_NOT_OURS = {"dist", "build", "__pycache__"}
_FENCE = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:(?<=\n\n)|\A)(?:(?: {4,}\S.*)?\n)+")
_SPAN = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_ITALIC = re.compile(r"(?<![\w*])([*_])(?![\s*_])((?:(?!\1).)+?)(?<!\s)\1(?![\w*])", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Link:
    """`text` is what is shown, of an image what is read out; `path` and `anchor` are blank where there is none."""

    text: str
    path: str
    anchor: str
    is_image: bool


@dataclass(frozen=True)
class Document:
    """`fenced` holds pairs of a language and its code."""

    path: Path
    text: str = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> "Document":
        return cls(path, path.read_text(encoding="utf-8"))

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def fenced(self) -> list[tuple[str, str]]:
        return [(it[1], it[2]) for it in _FENCE.finditer(self.text)]

    @cached_property
    def _unfenced(self) -> str:
        return _FENCE.sub("", self.text)

    @cached_property
    def indented(self) -> str:
        return "\n".join(_INDENTED.findall(self._unfenced))

    @cached_property
    def code_spans(self) -> list[str]:
        return [" ".join(it[2].split()) for it in _SPAN.finditer(self._unfenced)]

    @cached_property
    def prose(self) -> str:
        """Without code; a span of it leaves its place."""
        return _SPAN.sub("…", _INDENTED.sub("\n", self._unfenced))

    @cached_property
    def italics(self) -> list[str]:
        plain = self.prose.replace("**", "")
        without_addresses = LINK.sub(r"\2", plain)
        return [" ".join(it[2].split()) for it in _ITALIC.finditer(without_addresses)]

    @cached_property
    def links(self) -> list[Link]:
        """Those within the project."""
        found = []
        for it in LINK.finditer(self.prose):
            if not re.match(r"[a-z]+:", it[3]):
                path, _, anchor = it[3].partition("#")
                found.append(Link(it[2], path, anchor, bool(it[1])))
        return found

    @cached_property
    def anchors(self) -> set[str]:
        """As GitHub makes them of headings: lower case, no punctuation, hyphens for spaces, numbers for twins."""
        found: dict[str, int] = {}
        for heading in re.findall(r"^#{1,6} +(.+?) *#*$", self._unfenced, re.MULTILINE):
            shown = LINK.sub(r"\2", heading)
            slug = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
            twins = found[slug] = found.get(slug, -1) + 1
            if twins:
                found[f"{slug}-{twins}"] = 0
        return {*found}

    def commands(self) -> Iterator[str]:
        """Lines of code that a reader may type."""
        yield from self.code_spans
        yield from self.indented.splitlines()
        for language, code in self.fenced:
            if language in {"", "sh", "bash", "console"}:
                yield from code.splitlines()
                yield from (it[2] for it in _SPAN.finditer(code))


def project_files() -> list[Path]:
    """Every file of the project, whatever is installed or built beside it."""
    found = []
    for top in ROOT.iterdir():
        if top.name in _NOT_OURS or (top.name.startswith(".") and top.name != ".ci"):
            continue
        inside = [top] if top.is_file() else [it for it in top.rglob("*") if it.is_file()]
        found += [it for it in inside if not _NOT_OURS.intersection(it.relative_to(ROOT).parts)]
    return found


def documents() -> list[Document]:
    return [Document.read(it) for it in sorted(project_files()) if it.suffix == ".md"]
