"""Regular expressions that may take for ever on a short text, told from their spelling.

Python cannot be told to give up on a match. What makes one explode is a repeated group in which something is repeated
or chosen, so that one text can be divided in more ways than can be counted.
"""

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""
    (?P<atom> \\. | \[\^?\]?(?:\\.|[^\]\\])*\] | \((?:\?(?:[:=!>]|<[=!]|P<\w+>|[a-z-]+:))? | . )
    (?P<times> [*+?] | \{\d*,?\d*\} )?
    [?+]?
    """,
    re.VERBOSE | re.DOTALL,
)
_FEW = 10


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


def is_risky(pattern: str) -> bool:
    """`pattern` is one that Python can compile. Some harmless ones are called risky, too."""
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


def _varies(times: str) -> bool:
    return times in ("*", "+", "?") or "," in times


def _is_often(times: str) -> bool:
    """Without end, or many times."""
    bounds = re.fullmatch(r"\{(\d*)(,?)(\d*)\}", times)
    if bounds is None:
        return times in ("*", "+")
    end = bounds[3] if bounds[2] else bounds[1]
    return not end or int(end) > _FEW
