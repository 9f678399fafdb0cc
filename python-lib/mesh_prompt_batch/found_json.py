"""The JSON in an answer: found among other words, and mended where there is one way to read it.

Mended are trailing commas, Python's True, False and None, its single quotes, and line breaks inside strings. Nothing is
made up: what an answer leaves open stays open, and where an object is broken no object inside or behind it is taken
for the answer.
"""

import json
import re
from collections.abc import Iterator
from typing import Final

DEEPEST = 100
_STRICT, _MENDING = json.JSONDecoder(), json.JSONDecoder(strict=False)
# Where an object plainly begins: it is empty, or has a key. Keys are bounded, so that looking costs no square of time.
_BEGIN = re.compile(
    r"""
    (?:\[\s*)?
    \{\s*(?: \} | "(?:[^"\\]|\\.){0,200}"\s*: | '(?:[^'\\]|\\.){0,200}'\s*: )
    """,
    re.VERBOSE | re.DOTALL,
)
_THOUGHT = re.compile(r"</think>[ \t]*\n")
_FENCE = re.compile(r"```[ \t]*(?:\w+[ \t]*)?\n(.*?)(?:```|\Z)", re.DOTALL)
# Each branch takes what it begins with to its end, or to the end of all: none is tried twice.
_MENDED = re.compile(
    r"""
    "(?:[^"\\]+|\\(?:.|\Z))*(?:"|\Z)
    | '(?P<single>(?:[^'\\]+|\\(?:.|\Z)|'(?!\s*[:,}\]]))*)(?:'|\Z)
    | (?P<comma>,)(?=\s*[}\]])
    | \b(?P<word>True|False|None|NaN|undefined)\b
    """,
    re.VERBOSE | re.DOTALL,
)
_WORDS: Final = {"True": "true", "False": "false"}
_LOOSE_QUOTE = re.compile(r"""\\(.)|(")""", re.DOTALL)


class InvalidAnswerError(ValueError):
    """The answer is not what was asked for; the message says why, may quote the answer, and is for the LLM too."""


def containers_in(text: str) -> Iterator[object]:
    """Objects, and arrays of objects, the likeliest first: the whole text, what stands in fences, what stands in words.

    Raises InvalidAnswerError where one begins and is broken.
    """
    whole = _whole(text.strip())
    if whole is not None:
        yield whole
        return
    text = _spoken(text)
    for fenced in _FENCE.finditer(text):
        yield from _in_words(fenced.group(1))
    yield from _in_words(_FENCE.sub(" ", text))


def _whole(text: str) -> object:
    """None where the text is something else than one object or array."""
    if text[:1] not in ("{", "["):
        return None
    try:
        value = _STRICT.decode(text)
    except (ValueError, RecursionError):
        return None
    return None if _too_deep(value, text) else value


def _spoken(text: str) -> str:
    """Without what a reasoning model thought aloud; inside JSON the tag is no tag."""
    if text.lstrip().startswith("<think>"):
        return text.rpartition("</think>")[2]
    return _THOUGHT.split(text)[-1]


def _in_words(text: str) -> Iterator[object]:
    at = 0
    while begin := _BEGIN.search(text, at):
        value, at = _decoded(text, begin.start())
        yield value


def _decoded(text: str, start: int) -> tuple[object, int]:
    """The value that begins at `start`, and where it ends. Behind a mended one nothing more is looked for."""
    try:
        try:
            value, end = _STRICT.raw_decode(text, start)
        except ValueError:
            (value, _), end = _MENDING.raw_decode(_mended(text[start:])), len(text)
    except json.JSONDecodeError as error:
        raise InvalidAnswerError(f"The JSON is broken: {error.msg}.") from None
    except (ValueError, RecursionError):
        # Numbers of thousands of digits, brackets in thousands.
        raise InvalidAnswerError("The JSON is beyond what can be read.") from None
    if _too_deep(value, text[start:end]):
        raise InvalidAnswerError(f"The JSON is nested more than {DEEPEST} levels deep.")
    return value, end


def _mended(text: str) -> str:
    return _MENDED.sub(_mend, text)


def _mend(match: re.Match[str]) -> str:
    single = match["single"]
    if single is not None:
        plain = "\\" not in single and '"' not in single
        return f'"{single if plain else _LOOSE_QUOTE.sub(_as_in_double_quotes, single)}"'
    if match["comma"]:
        return ""
    word = match["word"]
    return _WORDS.get(word, "null") if word else match[0]


def _as_in_double_quotes(match: re.Match[str]) -> str:
    if match[2]:
        return '\\"'
    return "'" if match[1] == "'" else match[0]


def _too_deep(value: object, text: str) -> bool:
    """Without a look at the value where the text has not enough brackets."""
    if text.count("{") + text.count("[") <= DEEPEST:
        return False
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for it in level for inner in _inside(it)]
        if not level:
            return False
    return True


def _inside(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value
