"""Regular expressions that may take for ever on a short text, told from their spelling.

Python cannot be told to give up on a match. What makes one explode is a repeated group in which something is repeated
or chosen, so that one text can be divided in more ways than can be counted. Neighbours that repeat the same characters
divide it in a square of ways, three in a cube: such a pattern is good for short texts.
"""

import re
import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
    (?P<atom> \\. | \[\^?\]?(?:\\.|[^\]\\])*\] | \((?:\?(?:[:=!>]|<[=!]|P<\w+>|[a-z-]+:))? | . )
    (?P<times> [*+?] | \{\d*,?\d*\} )?
    [?+]?
    """,
    re.VERBOSE | re.DOTALL,
)
_FEW, _ENDLESS = 3, 10**9
# Nobody writes more, and each is compared with all before it.
_MOST_PLACES = 300
# The longest text by the power of its length that a match may take: no match takes much more than a second.
LONGEST = {2: 10_000, 3: 400, 4: 120}
_WIDTHLESS = frozenset({"|", "^", "$", r"\A", r"\Z", r"\b", r"\B"})
# Any two sets of characters that meet in earnest meet here.
_SAMPLE = frozenset(string.printable + "éß中")


class _Atom(NamedTuple):
    """The characters that it matches, and whether so many times that a match may try them all."""

    characters: frozenset[str]
    varying: bool
    optional: bool


@dataclass(slots=True)
class _Group:
    """`atoms` with whether each comes a varying number of times; `heads` are the first of its alternatives."""

    atoms: list[tuple[str, bool]] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    at_head: bool = True
    holds_varying_group: bool = False

    def add(self, atom: str, *, varying: bool) -> None:
        if self.at_head:
            self.heads.append(atom)
            self.at_head = False
        self.atoms.append((atom, varying))

    @property
    def varies(self) -> bool:
        return self.holds_varying_group or any(varying for _, varying in self.atoms)

    @property
    def explodes_when_repeated(self) -> bool:
        if self.holds_varying_group:
            return True
        if len(self.heads) > 1:
            return self.varies or not self._heads_differ()
        return self.varies and not self._is_separated()

    def _heads_differ(self) -> bool:
        """Each alternative begins with a letter of its own."""
        plain = all(len(head) == 1 and head.isalnum() for head in self.heads)
        return plain and len({*self.heads}) == len(self.heads)

    def _is_separated(self) -> bool:
        """A character at one end tells each round from the next, because nothing that varies matches it."""
        varying = [atom for atom, varies in self.atoms if varies]
        for atom, varies in (self.atoms[0], self.atoms[-1]):
            literal = atom[-1] if re.fullmatch(r"\\[^\w]|[^\\.^$\[()]", atom) else ""
            if literal and not varies and not any(re.fullmatch(it, literal) for it in varying):
                return True
        return False


def longest_text(pattern: str) -> int | None:
    """Beyond it a match may take too long; None where any text will do. `pattern` is one that is not risky."""
    return LONGEST.get(_power(pattern))


def is_risky(pattern: str) -> bool:
    """`pattern` is one that Python can compile. Some harmless ones are called risky, too."""
    if _power(pattern) > max(LONGEST):
        return True
    groups = [_Group()]
    for token in _TOKEN.finditer(pattern):
        atom, times = token["atom"], token["times"] or ""
        if atom.startswith("("):
            groups.append(_Group())
        elif atom == ")" and len(groups) > 1:
            group = groups.pop()
            if _is_often(times) and group.explodes_when_repeated:
                return True
            groups[-1].holds_varying_group |= _varies(times) or group.varies
            groups[-1].add("()", varying=False)
        elif atom == "|":
            groups[-1].at_head = True
        else:
            groups[-1].add(atom, varying=_varies(times))
    return bool(re.search(r"\\[1-9]|\(\?P=", pattern))


@lru_cache(maxsize=100)
def _power(pattern: str) -> int:
    """Of a text's length: what a match takes at most, groups being read as what they hold."""
    atoms = _flat(_TOKEN.finditer(pattern))
    places = [place for place, atom in enumerate(atoms) if atom.varying]
    if not places:
        return 0
    if len(places) > _MOST_PLACES:
        return max(LONGEST) + 1
    shared = [_shares(atoms[: place + 1]) for place in places]
    # Each place at which the boundary between two can move multiplies; so does a beginning that is not told.
    return 1 + sum(shared) + (not re.match(r"(\(\?[a-z]+\))?(\^|\\A)", pattern))


def _flat(tokens: Iterator[re.Match[str]]) -> list[_Atom]:
    """Atoms of a group up to its end, those of groups inside as often as they come, if that is seldom.

    Alternatives are read as if they followed one another.
    """
    atoms: list[_Atom] = []
    for token in tokens:
        atom, times = token["atom"], token["times"] or ""
        if atom == ")":
            return atoms * min(_most(times), _FEW)
        if atom.startswith("("):
            atoms += _flat(tokens)
        elif atom not in _WIDTHLESS:
            optional = bool(re.match(r"[*?]|\{0*[,}]", times))
            atoms.append(_Atom(_characters(atom), _is_often(times), optional))
    return atoms


def _shares(atoms: list[_Atom]) -> bool:
    """Whether the last and one before it match all that must lie between: then nothing tells where that one ends."""
    between: list[_Atom] = []
    for atom in reversed(atoms[:-1]):
        common = atom.characters & atoms[-1].characters
        if atom.varying and common and all(common & it.characters for it in between):
            return True
        between += [] if atom.optional else [atom]
    return False


@lru_cache(maxsize=1_000)
def _characters(atom: str) -> frozenset[str]:
    try:
        matches = re.compile(atom, re.IGNORECASE | re.DOTALL).fullmatch
    except re.error:
        # The head of a longer escape.
        return _SAMPLE
    return frozenset(filter(matches, _SAMPLE))


def _varies(times: str) -> bool:
    return times in ("*", "+", "?") or "," in times


def _is_often(times: str) -> bool:
    """Without end, or many times."""
    return _most(times) > _FEW


def _most(times: str) -> int:
    bounds = re.fullmatch(r"\{(\d*)(,?)(\d*)\}", times)
    if bounds is None:
        return _ENDLESS if times in ("*", "+") else 1
    end = bounds[3] if bounds[2] else bounds[1]
    # No text is longer than so many digits tell.
    return int(end[:9]) if end else _ENDLESS
