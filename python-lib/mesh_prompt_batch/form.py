"""Reads single fields of a DSS form: what was typed, or its default, or one sentence that names the field.

DSS hands over parsed JSON in which a field may be absent, None or "", an integer may be 500.0 and a list may hold
blanks. Absent means the default; blank means "not set", which each method spells out.
"""

import math
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from mesh_prompt_batch.errors import SettingsError

_ABSENT = object()
_LONGEST_SHOWN = 100
_LONGEST_TEXT_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Range:
    low: float
    high: float = math.inf

    def __str__(self) -> str:
        if math.isinf(self.high):
            return f"{self.low:g} or more"
        return f"between {self.low:g} and {self.high:g}"


@dataclass(frozen=True, slots=True)
class Form:
    """`config` as DSS gives it, `labels` as the form shows them, by parameter name."""

    config: Mapping[str, object]
    labels: Mapping[str, str]

    def text(self, name: str) -> str:
        """Blank: empty text. Spaces around other text stay: a column's name may begin with one."""
        value = self._value(name, "")
        if not isinstance(value, str):
            # Not the value: the field may be a key's.
            raise self.refused(name, f"must be text, not {type(value).__name__}")
        return value

    def required_text(self, name: str, advice: str) -> str:
        """Raises SettingsError with the advice where it is blank."""
        value = self.text(name)
        if not value.strip():
            raise self.refused(name, f"is missing: {advice}")
        return value

    def choice(self, name: str, choices: Iterable[str], default: str) -> str:
        """Blank: the default."""
        chosen = self.text(name) or default
        known = tuple(choices)
        if chosen not in known:
            raise self.refused(name, f"must be one of {', '.join(known)}, not {_shown(chosen)}")
        return chosen

    def flag(self, name: str, *, default: bool) -> bool:
        """Blank: the default."""
        value = self._value(name, None)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.refused(name, f"must be yes or no, not {_shown(value)}")
        return value

    def number(self, name: str, allowed: Range, default: float) -> float:
        """Blank: the default."""
        value = self.optional_number(name, allowed, default)
        return default if value is None else value

    def integer(self, name: str, allowed: Range, default: int) -> int:
        """Blank: the default."""
        value = self.optional_integer(name, allowed, default)
        return default if value is None else value

    def optional_number(self, name: str, allowed: Range, default: float | None) -> float | None:
        """Blank: None, which is another thing than the default of an absent field."""
        value = self._value(name, default)
        if value is None:
            return None
        number = _number(value)
        if number is None:
            raise self.refused(name, f"must be a number, not {_shown(value)}")
        if not allowed.low <= number <= allowed.high:
            raise self.refused(name, f"must be {allowed}, not {_shown(value)}")
        return number

    def optional_integer(self, name: str, allowed: Range, default: int | None) -> int | None:
        """Blank: None. 500.0 is 500; 1.5 is refused."""
        number = self.optional_number(name, allowed, default)
        if number is None:
            return None
        if number != int(number):
            raise self.refused(name, f"must be a whole number, not {_shown(number)}")
        return int(number)

    def optional_amount(self, name: str, allowed: Range) -> Decimal | None:
        """Of money, as it was typed. Blank or absent: None."""
        number = self.optional_number(name, allowed, None)
        # The shortest text that gives this number is what was typed: 0.15, not 0.1499999….
        return None if number is None else Decimal(repr(number))

    def texts(self, name: str) -> tuple[str, ...]:
        """Empty entries do not count; white space does: a stop sequence may be a line break."""
        value = self._value(name, ())
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise self.refused(name, f"must be a list, not {_shown(value)}")
        entries = tuple(value)
        if not all(entry is None or isinstance(entry, str) for entry in entries):
            raise self.refused(name, "must be a list of texts")
        return tuple(entry for entry in entries if isinstance(entry, str) and entry)

    def objects(self, name: str, keys: Sequence[str]) -> list[dict[str, str]]:
        """Every entry as the form shows them, so that its position can be told; "" where a text is blank."""
        value = self._value(name, ())
        if isinstance(value, (str, Mapping)) or not isinstance(value, Iterable):
            raise self.refused(name, f"must be a list, not {type(value).__name__}")
        return [self._object(name, n, it, keys) for n, it in enumerate(value, 1)]

    def refused(self, name: str, sentence: str) -> SettingsError:
        return SettingsError(f"'{self.labels[name]}' {sentence}.")

    def _object(
        self, name: str, position: int, entry: object, keys: Sequence[str]
    ) -> dict[str, str]:
        fields = {} if entry is None else entry
        if not isinstance(fields, Mapping):
            raise self.refused(name, f"must be a list of objects; entry {position} is none")
        texts = {key: "" if fields.get(key) is None else fields[key] for key in keys}
        if not all(isinstance(text, str) for text in texts.values()):
            raise self.refused(
                name, f"must hold texts; in entry {position} there is something else"
            )
        return {key: text if text.strip() else "" for key, text in texts.items()}

    def _value(self, name: str, default: object) -> object:
        value = self.config.get(name, _ABSENT)
        if value is _ABSENT:
            return default
        blank = value is None or (isinstance(value, str) and not value.strip())
        return (None if not isinstance(default, (str, tuple)) else default) if blank else value


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def quoted(text: str) -> str:
    """Its beginning, for a banner: on one line, whatever characters it has."""
    return repr(text[:_LONGEST_TEXT_SHOWN])


def _shown(value: object) -> str:
    # Lists may lie in lists deeper than Python follows.
    words = quoted(value) if isinstance(value, str) else reprlib.repr(value)
    return words if len(words) <= _LONGEST_SHOWN else f"{words[:_LONGEST_SHOWN]}…"
