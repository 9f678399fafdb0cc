"""Regular expressions that may take for ever on a short text, told from their spelling.

Python cannot be told to give up on a match. What makes one explode is a repeated group in which something is repeated
or chosen, so that one text can be divided in more ways than can be counted. Neighbours that repeat the same characters
divide it in a square of ways, three in a cube: such a pattern is good for short texts.
"""

import re
import string
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from math import prod
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
    (?P<atom>
        \\(?:x..|u.{4}|U.{8}|N\{[^}]*\}|0[0-7]{0,2}|.) | \[\^?\]?(?:\\.|[^\]\\])*\]
        | \((?:\?(?:[:=!>]|<[=!]|P<\w+>|[a-z-]+:))? | .
    )
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
# White space that counts for nothing, comments and conditions: what is read here would not be what Python reads.
_READ_OTHERWISE = re.compile(r"\(\?(?:[a-z]*x|\#|\()")
# So many ways to divide one text between places that come few times: each counts in full beside the text's length.
_MANY_WAYS, _MOST_WAYS = 4, 100
# Any two sets of characters that meet in earnest meet here.
_SAMPLE = frozenset(string.printable + "éß中")


class _Atom(NamedTuple):
    """The characters that it matches, and whether so many times that a match may try them all.

    `ways`: in how many numbers it may come, where these are few.
    """

    characters: frozenset[str]
    varying: bool
    optional: bool
    ways: int = 1


@dataclass(slots=True)
class _Group:
    """`alternatives` are atoms with how often each comes; `inner` the atoms of groups inside."""

    alternatives: list[list[tuple[str, str]]] = field(default_factory=lambda: [[]])
    inner: set[str] = field(default_factory=set)
    holds_varying_group: bool = False

    def add(self, atom: str, times: str) -> None:
        self.alternatives[-1].append((atom, times))

    def take(self, group: "_Group", times: str) -> None:
        """A group inside, at its end."""
        self.inner |= {*(atom for atom, _ in group.atoms), *group.inner}
        self.holds_varying_group |= _varies(times) or group.varies or not group.is_told_apart
        # One of several texts may be as long as none of the others.
        self.add("()", "?" if len(group.alternatives) > 1 else "")

    @property
    def atoms(self) -> list[tuple[str, str]]:
        return [it for alternative in self.alternatives for it in alternative]

    @property
    def varies(self) -> bool:
        places = (_varies(times) for atom, times in self.atoms if atom != "()")
        return self.holds_varying_group or any(places)

    @property
    def explodes_when_repeated(self) -> bool:
        if self.holds_varying_group or not self.is_told_apart:
            return True
        return self.varies and not (len(self.alternatives) == 1 and self._is_separated())

    @property
    def is_told_apart(self) -> bool:
        """Of the alternatives only one can match: each begins with a letter of its own, or all are different words."""
        if len(self.alternatives) == 1:
            return True
        heads = [it[0][0].lower() if it and _least(it[0][1]) else "" for it in self.alternatives]
        if all(len(it) == 1 and it.isalnum() for it in heads) and len({*heads}) == len(heads):
            return True
        texts = sorted("".join(atom for atom, _ in it).lower() for it in self.alternatives)
        words = all(re.fullmatch(r"[\w -]+", it) for it in texts)
        # In this order a beginning of others comes right before one of them.
        beginnings = any(after.startswith(it) for it, after in pairwise(texts))
        return words and not beginnings and not any(times for _, times in self.atoms)

    def _is_separated(self) -> bool:
        """Between any two places that vary, also of two rounds, a character comes that nothing else matches."""
        marked = self._marks()
        places = [_varies(times) for _, times in self.atoms]
        marks = [n for n, (atom, _) in enumerate(self.atoms) if atom in marked and not places[n]]
        if not marks:
            return False
        # The end of a round and the beginning of the next are one stretch.
        turned = places[marks[0] :] + places[: marks[0]]
        ends = [*(at - marks[0] for at in marks), len(turned)]
        return all(sum(turned[start:end]) <= 1 for start, end in pairwise(ends))

    def _marks(self) -> set[str]:
        """Characters, as they are spelled, that come equally often in each round: nothing else matches them."""
        fixed = {atom for atom, times in self.atoms if not _varies(times) and _least(times)}
        others = self.inner | {atom for atom, times in self.atoms if _varies(times)}
        plain = {it for it in fixed - others if re.fullmatch(r"\\[^\w]|[^\\.^$|\[()]", it)}
        known = {it for it in plain if it[-1] in _SAMPLE}
        matched = Counter(it for atom in (fixed | others) - {"()"} for it in _characters(atom))
        return {it for it in known if matched[it[-1]] == 1}


def longest_text(pattern: str) -> int | None:
    """Beyond it a match may take too long; None where any text will do. `pattern` is one that is not risky."""
    return LONGEST.get(_power(pattern))


def is_risky(pattern: str) -> bool:
    """`pattern` is one that Python can compile. Some harmless ones are called risky, too."""
    if _READ_OTHERWISE.search(pattern) or _power(pattern) > max(LONGEST):
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
            groups[-1].take(group, times)
        elif atom == "|":
            groups[-1].alternatives.append([])
        else:
            groups[-1].add(atom, times)
    return bool(re.search(r"\\[1-9]|\(\?P=", pattern))


@lru_cache(maxsize=100)
def _power(pattern: str) -> int:
    """Of a text's length: what a match takes at most, groups being read as what they hold."""
    atoms = _flat(_TOKEN.finditer(pattern))
    places = [place for place, atom in enumerate(atoms) if atom.varying or atom.ways > 1]
    if len(places) > _MOST_PLACES:
        return max(LONGEST) + 1
    often = [place for place in places if atoms[place].varying]
    ways = prod(atoms[it].ways for it in places if _shares(atoms[: it + 1], few=True))
    if ways > _MOST_WAYS:
        return max(LONGEST) + 1
    # Each place at which the boundary between two can move multiplies; so does a beginning that is not told.
    shared = sum(_shares(atoms[: it + 1], few=False) for it in often) + (ways > _MANY_WAYS)
    starts = not re.match(r"(\(\?[a-z]+\))?(\^|\\A)", pattern)
    return 1 + shared + starts if often else 0


def _flat(tokens: Iterator[re.Match[str]]) -> list[_Atom]:
    """Atoms of a group up to its end, those of groups inside as often as they come, if that is seldom.

    Alternatives are read as if they followed one another.
    """
    atoms: list[_Atom] = []
    for token in tokens:
        atom, times = token["atom"], token["times"] or ""
        if atom == ")":
            return _repeated(atoms, times)
        if atom.startswith("("):
            atoms += _flat(tokens)
        elif atom not in _WIDTHLESS:
            often = _is_often(times)
            ways = 1 if often else 1 + _most(times) - _least(times)
            atoms.append(_Atom(_characters(atom), often, _least(times) == 0, ways))
    return atoms


def _repeated(atoms: list[_Atom], times: str) -> list[_Atom]:
    least, most = (min(it, _FEW) for it in (_least(times), _most(times)))
    left_out = [it._replace(ways=2 * it.ways) for it in atoms[:1]] + atoms[1:]
    return atoms * most if _is_often(times) else atoms * least + left_out * (most - least)


def _shares(atoms: list[_Atom], *, few: bool) -> bool:
    """Whether the last and one before it match all that must lie between: then nothing tells where that one ends.

    `few`: also one that comes few times.
    """
    between: list[_Atom] = []
    for atom in reversed(atoms[:-1]):
        common = atom.characters & atoms[-1].characters
        varies = atom.varying or (few and atom.ways > 1)
        if varies and common and all(common & it.characters for it in between):
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


def _least(times: str) -> int:
    start = re.match(r"\{(\d*)", times)
    return int(start[1][:9] or 0) if start else int(times not in ("*", "?"))


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
