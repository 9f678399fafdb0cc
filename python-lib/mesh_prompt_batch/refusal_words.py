"""What a refusal says, apart from what it quotes of the request."""

import json
import re
from collections.abc import Mapping
from functools import cache, cached_property

from mesh_prompt_batch.completion import CompletionRequest

_WORDS = ("detailedMessage", "message", "errorMessage", "error", "detail")
# DSS's `errorType` is a Java class, providers' codes, types and statuses are words: none quotes a prompt.
_NAMES = ("errorType", "code", "type", "status", "error_code", "error_type")
# Not any "<": an error in words may name a type or a tag.
_PAGE = re.compile(r"<(?:!doctype|\?xml|html|head|body)\b", re.IGNORECASE)
# Quotes, and what escapes put before them.
_MARKS = str.maketrans("", "", "\\\"'`[(")
# Few enough to be looked for in any text without waiting.
_LONGEST_WORD = 200


class Said:
    """A refusal's names and words, lower-case, beside what was sent."""

    def __init__(self, body: object, request: CompletionRequest | None) -> None:
        self._names = _names(body).casefold()
        self.text = f"{self._names} {words_of(body).casefold()}"
        self._request = request

    def has(self, marker: str) -> bool:
        """Whether it is said, and in no words that may be a quote. "…" in a marker stands for a word."""
        said = _found(marker, self.text)
        return bool(said) and (said in self._names or said not in self._sent)

    def was_sent(self, words: str) -> bool:
        """Whether the request says so itself, whatever is quoted in it."""
        return words.translate(_MARKS) in self._sent_without_marks

    @cached_property
    def _sent(self) -> str:
        """Lines are broken as in no text: bodies quote a prompt in one line."""
        request = self._request
        if request is None:
            return ""
        parameters = json.dumps(request.parameters, ensure_ascii=False, default=str)
        everything = " ".join((*request.texts(), request.llm_id, parameters))
        return " ".join(everything.split()).casefold()

    @cached_property
    def _sent_without_marks(self) -> str:
        return self._sent.translate(_MARKS)


def words_of(body: object) -> str:
    """For the row's cell; "" where there are none."""
    error = _error(body)
    for key in _WORDS:
        text = error.get(key)
        if isinstance(text, str) and text:
            return text
    if isinstance(body, str):
        is_page = _PAGE.search(body[:200])
        return "The endpoint answered with a page, not with JSON." if is_page else body
    return ""


def _names(body: object) -> str:
    error = _error(body)
    return " ".join(str(error.get(key) or "") for key in _NAMES)


def _error(body: object) -> Mapping[str, object]:
    if isinstance(body, list) and body:
        # Google's answer to a request for a stream.
        body = body[0]
    if not isinstance(body, Mapping):
        return {}
    inner = body.get("error")
    return inner if isinstance(inner, Mapping) else body


def _found(marker: str, text: str) -> str:
    if "…" not in marker:
        return marker if marker in text else ""
    match = _pattern(marker).search(text)
    return match[0] if match else ""


@cache
def _pattern(marker: str) -> re.Pattern[str]:
    return re.compile(rf"\S{{1,{_LONGEST_WORD}}}?".join(re.escape(it) for it in marker.split("…")))
