"""What a refused call means, from its status and body.

DSS answers many permanent failures with 500 and a Java class name, and no public text lists them: so the words
decide where they are known, and an unknown 500 is worth another attempt. Bodies quote prompts, and a prompt may
speak of quotas or tickets itself: what was sent is taken out before the words are read.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mesh_prompt_batch.adaptation import refused_parameter, replacement
from mesh_prompt_batch.completion import CompletionRequest
from mesh_prompt_batch.errors import (
    CallError,
    ErrorType,
    LlmError,
    ParameterError,
    RequestError,
    TransientError,
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A response that is not 2xx, as it arrived."""

    status: int
    body: object
    retry_after: float | None = None

    @property
    def words(self) -> str:
        return _words(self.body)


_LLM_LEVEL: tuple[tuple[ErrorType, tuple[str, ...]], ...] = (
    (
        "authentication",
        ("ticket not given or unrecognized", "notauthenticatedexception", "unauthorizedexception"),
    ),
    (
        "quota",
        (
            "insufficient_quota",
            "quota exceeded",
            "quota has been exceeded",
            "quota is exceeded",
            "blocked by quota",
            "blocked by a cost quota",
            "cost quota",
        ),
    ),
    (
        "not_found",
        ("llm not found", "unknown llm", "no such llm", "llm does not exist", "model_not_found"),
    ),
)
_ROW_LEVEL: tuple[tuple[ErrorType, tuple[str, ...]], ...] = (
    ("guardrail", ("guardrail", "content_filter", "content management policy", "content policy")),
    (
        "context_length",
        (
            "context_length",
            "context length",
            "context size",
            "context window",
            "exceed_context_size",
            "prompt is too long",
            "too many tokens",
            "maximum number of tokens",
        ),
    ),
)
_RATE_LIMIT = ("rate limit", "rate_limit", "ratelimit", "too many requests", "throttl")
_BAD_ARGUMENT = ("illegalargumentexception",)

_LLM_STATUSES: dict[int, ErrorType] = {
    401: "authentication",
    402: "quota",
    403: "authentication",
    404: "not_found",
}
_TRANSIENT_STATUSES: dict[int, ErrorType] = {
    408: "timeout",
    409: "server",
    429: "rate_limit",
    504: "timeout",
}
_SERVER_ERRORS = 500
_STATUSES_OF_BAD_PARAMETERS = (400, 422, _SERVER_ERRORS)


def call_error(refusal: Refusal, request: CompletionRequest | None = None) -> CallError:
    """The error that says what happens next; `request` is what was sent, where it may be quoted."""
    status, words = refusal.status, refusal.words
    if status in _LLM_STATUSES:
        return LlmError(_LLM_STATUSES[status], words, status=status)
    text = _without_quotes(f"{_class_name(refusal.body)} {words}", request).casefold()
    if status == 429 and (error_type := _named(text, _LLM_LEVEL[1:2])):  # noqa: PLR2004
        return LlmError(error_type, words, status=status)
    if status in _TRANSIENT_STATUSES:
        return TransientError(
            _TRANSIENT_STATUSES[status], words, status=status, retry_after=refusal.retry_after
        )
    if error := _parameter_error(refusal, text, request):
        return error
    error_type = _named(text, _ROW_LEVEL) or ("bad_request" if status < _SERVER_ERRORS else None)
    if error_type:
        return RequestError(error_type, words, status=status)
    return _server_error(refusal, words, text)


def _parameter_error(
    refusal: Refusal, text: str, request: CompletionRequest | None
) -> ParameterError | None:
    if request is None or refusal.status not in _STATUSES_OF_BAD_PARAMETERS:
        return None
    parameter = refused_parameter(text, request.parameters)
    if parameter is None:
        return None
    instead = replacement(parameter, text)
    return ParameterError(parameter, instead, refusal.words, status=refusal.status)


def _server_error(refusal: Refusal, words: str, text: str) -> CallError:
    status = refusal.status
    if status == _SERVER_ERRORS and (error_type := _named(text, _LLM_LEVEL)):
        return LlmError(error_type, words, status=status)
    if status == _SERVER_ERRORS and any(marker in text for marker in _BAD_ARGUMENT):
        return RequestError("bad_request", words, status=status)
    limited = any(marker in text for marker in _RATE_LIMIT)
    return TransientError(
        "rate_limit" if limited else "server",
        words,
        status=status,
        retry_after=refusal.retry_after,
    )


def _named(text: str, table: Iterable[tuple[ErrorType, tuple[str, ...]]]) -> ErrorType | None:
    for error_type, markers in table:
        if any(marker in text for marker in markers):
            return error_type
    return None


def _class_name(body: object) -> str:
    """DSS's `errorType` is a Java class, OpenAI's `code` and `type` are words: none of them quotes a prompt."""
    error = _error(body)
    return " ".join(str(error.get(key) or "") for key in ("errorType", "code", "type"))


def _error(body: object) -> Mapping[str, object]:
    if not isinstance(body, Mapping):
        return {}
    inner = body.get("error")
    return inner if isinstance(inner, Mapping) else body


def _words(body: object) -> str:
    error = _error(body)
    for key in ("detailedMessage", "message", "errorMessage"):
        text = error.get(key)
        if isinstance(text, str) and text:
            return text
    if isinstance(body, str):
        return "The endpoint answered with a page, not with JSON." if "<" in body[:200] else body
    return ""


def _without_quotes(text: str, request: CompletionRequest | None) -> str:
    for sent in request.texts() if request else ():
        # As sent, and as a body that holds JSON in a string would quote it; in whole words: "a" is no part of "quota".
        bare = sent.strip()
        for quoted in (sent, json.dumps(sent)[1:-1], bare, json.dumps(bare)[1:-1]) if bare else ():
            # Looked for first: to compile the pattern of a long prompt would keep all other calls waiting.
            if quoted in text:
                text = re.sub(rf"(?<!\w){re.escape(quoted)}(?!\w)", " ", text)
    return text
