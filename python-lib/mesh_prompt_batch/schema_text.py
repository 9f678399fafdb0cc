"""The text of a JSON schema → its document, refused with line and column where it cannot be used."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import unquote

from mesh_prompt_batch.risky_pattern import is_risky

LONGEST = 100_000
DEEPEST = 100
DRAFT = "https://json-schema.org/draft/2020-12/schema"
Path = tuple[str | int, ...]

_BLANK = re.compile(r"[ \t\r\n]*")
_DATA = frozenset({"const", "enum", "default", "examples"})
_NAMES = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
REFERENCES = ("$ref", "$dynamicRef")


class UnusableSchemaError(ValueError):
    """A sentence without its end, to be put behind the field's label; it quotes nothing of the schema."""


class Subschema(NamedTuple):
    path: Path
    content: Mapping[str, object]


def document_of(text: str) -> dict[str, object]:
    """Raises UnusableSchemaError. What the metaschema says is not asked."""
    if len(text) > LONGEST:
        raise UnusableSchemaError(
            f"is longer than {LONGEST:,} characters, and every row would send it"
        )
    document = _parsed(text)
    if not isinstance(document, dict) or document.get("type") != "object":
        raise refused(
            text,
            (),
            'must describe an object: write "type": "object" at its top, with "properties"',
        )
    if document.get("$schema", DRAFT) not in (DRAFT, DRAFT + "#"):
        raise refused(
            text, ("$schema",), 'is of another draft than 2020-12: remove "$schema", or rewrite it'
        )
    for subschema in subschemas(document):
        _check(text, subschema)
    return document


def refused(text: str, path: Path, sentence: str) -> UnusableSchemaError:
    """`path` leads to the culprit."""
    return UnusableSchemaError(f"{sentence} ({_place(text, _position(text, path))})")


def subschemas(document: Mapping[str, object]) -> Iterator[Subschema]:
    """Every object in which keywords may stand, the document first."""
    left: list[tuple[Path, object, bool]] = [((), document, False)]
    while left:
        path, node, holds_names = left.pop()
        if len(path) > DEEPEST:
            raise _too_deep()
        if isinstance(node, dict):
            if not holds_names:
                yield Subschema(path, node)
            for key, value in reversed(node.items()):
                if holds_names or key not in _DATA:
                    left.append(((*path, key), value, not holds_names and key in _NAMES))
        elif isinstance(node, list):
            left.extend(((*path, n), it, False) for n, it in enumerate(node))


def is_pointer(reference: str) -> bool:
    """Else it is an anchor's name."""
    return reference == "#" or reference.startswith("#/")


def target(document: Mapping[str, object], pointer: str) -> object:
    """What a JSON pointer into the document leads to; None where that is nothing."""
    node: object = document
    for step in unquote(pointer).split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        members = {str(n): it for n, it in enumerate(node)} if isinstance(node, list) else node
        node = members.get(name) if isinstance(members, dict) else None
    return node


def _parsed(text: str) -> object:
    try:
        document = json.loads(text, parse_constant=_no_such_number)
        text.encode()
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    except json.JSONDecodeError as error:
        raise UnusableSchemaError(
            f"is broken JSON: {error.msg} ({_place(text, error.pos)})"
        ) from None
    except UnicodeEncodeError:
        raise UnusableSchemaError("holds half of a character pair, which cannot be sent") from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        raise UnusableSchemaError("holds a number that JSON has not, or one too long") from None
    return document


def _no_such_number(_: str) -> object:
    raise ValueError


def _too_deep() -> UnusableSchemaError:
    return UnusableSchemaError(f"is nested more than {DEEPEST} levels deep")


def _check(text: str, subschema: Subschema) -> None:
    path, content = subschema
    for keyword in REFERENCES:
        reference = content.get(keyword)
        if isinstance(reference, str) and not reference.startswith("#"):
            raise refused(
                text,
                (*path, keyword),
                'refers to another document, which is never fetched: copy it into "$defs"',
            )
    for keyword in ("$id", "$schema"):
        if path and isinstance(content.get(keyword), str):
            raise refused(
                text, (*path, keyword), f'has "{keyword}" below its top, which is not supported'
            )
    for pattern_path, pattern in _patterns(subschema):
        _check_pattern(text, pattern_path, pattern)
    named = content.get("patternProperties")
    if isinstance(named, dict) and "additionalProperties" in content:
        # What additional properties are is found by all of them as one.
        _check_compiles(text, (*path, "patternProperties"), "|".join(named))


def _patterns(subschema: Subschema) -> Iterator[tuple[Path, str]]:
    path, content = subschema
    pattern, named = content.get("pattern"), content.get("patternProperties")
    if isinstance(pattern, str):
        yield (*path, "pattern"), pattern
    for name in named if isinstance(named, dict) else ():
        yield (*path, "patternProperties", name), name


def _check_compiles(text: str, path: Path, pattern: str) -> None:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        raise refused(text, path, "has a pattern that Python cannot read") from None


def _check_pattern(text: str, path: Path, pattern: str) -> None:
    _check_compiles(text, path, pattern)
    if is_risky(pattern):
        raise refused(
            text,
            path,
            "has a pattern that may take for ever, because it repeats what is repeated or chosen inside: simplify it",
        )


def _place(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    return f"line {line}, column {position - text.rfind(chr(10), 0, position)}"


def _position(text: str, path: Sequence[str | int]) -> int:
    """Where the value that `path` leads to begins; `text` is JSON."""
    position = _after_blank(text, 0)
    for step in path:
        position = _member(text, position, step)
    return position


def _member(text: str, position: int, wanted: str | int) -> int:
    """Of a name that comes twice the last counts, as for whoever reads the JSON."""
    decoder = json.JSONDecoder()
    is_object, index, found = text[position] == "{", 0, position
    position = _after_blank(text, position + 1)
    while text[position] not in "}]":
        name: object = index
        if is_object:
            name, position = decoder.raw_decode(text, position)
            position = _after_blank(text, _after_blank(text, position) + 1)
        if name == wanted:
            found = position
        position = _after_blank(text, decoder.raw_decode(text, position)[1])
        if text[position] == ",":
            position = _after_blank(text, position + 1)
        index += 1
    return found


def _after_blank(text: str, position: int) -> int:
    blank = _BLANK.match(text, position)
    return blank.end() if blank else position
