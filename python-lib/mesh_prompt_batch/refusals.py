"""What a refused call means, from its status and body.

DSS answers many permanent failures with 500 and a Java class name, and no public text lists them: so the words
decide where they are known, and an unknown 500 is worth another attempt. Bodies quote prompts, whole or in part and
escaped in many ways, and a prompt may speak of quotas or tickets itself: words that were sent decide nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

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
from mesh_prompt_batch.refusal_words import Said, words_of


@dataclass(frozen=True, slots=True)
class Refusal:
    """A response that is not 2xx, as it arrived."""

    status: int
    body: object
    retry_after: float | None = None

    @property
    def words(self) -> str:
        return words_of(self.body)


# Ask again later, fail this row, or give up this LLM.
_Level = Literal["later", "row", "llm"]

_BAD_REQUEST = 400
_TOO_MANY = 429
_SERVER_ERROR = 500
_STATUSES_OF_BAD_PARAMETERS = (_BAD_REQUEST, 422, _SERVER_ERROR)
# These need no words.
_STATUSES: dict[int, tuple[_Level, ErrorType]] = {
    401: ("llm", "authentication"),
    402: ("llm", "quota"),
    403: ("llm", "authentication"),
    404: ("llm", "not_found"),
    408: ("later", "timeout"),
    409: ("later", "server"),
    504: ("later", "timeout"),
}


def _at(*statuses: int) -> Callable[[Refusal], bool]:
    return lambda refusal: refusal.status in statuses


def _anywhere(_: Refusal) -> bool:
    return True


def _not_too_many(refusal: Refusal) -> bool:
    return refusal.status != _TOO_MANY


def _if_it_may_pass(refusal: Refusal) -> bool:
    return refusal.status == _TOO_MANY or refusal.status >= _SERVER_ERROR


def _if_a_pause_is_asked_for(refusal: Refusal) -> bool:
    return refusal.retry_after is not None and _if_it_may_pass(refusal)


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What any of the markers means, `where` it may mean that; "…" stands for a word."""

    level: _Level
    error_type: ErrorType
    where: Callable[[Refusal], bool]
    markers: tuple[str, ...]


_QUOTA = ("quota exceeded", "quota has been exceeded", "quota is exceeded")
_PLAN = "check your plan and billing details"

# In the order in which they are looked at; tests/python/unit/provider_refusals.json has whose words they are.
_MEANINGS = (
    # Money comes first: where it is used up, many say that calls are too many as well, and no waiting helps.
    _Meaning(
        "llm",
        "quota",
        _at(_BAD_REQUEST, _TOO_MANY, _SERVER_ERROR),
        (
            "insufficient_quota",
            "billing_hard_limit_reached",
            "billing hard limit",
            "billing_not_active",
            "credit balance is too low",
            "api usage limits",
            "enforced_spend_limit_reached",
        ),
    ),
    # What alone is more than a minute's limit is told as a rate limit, and never passes.
    _Meaning("row", "context_length", _anywhere, ("request too large for",)),
    # Before all that follows: throttling speaks of "too many tokens", of quotas and of guardrails that are too busy.
    _Meaning(
        "later",
        "rate_limit",
        _if_it_may_pass,
        (
            "rate limit",
            "rate_limit",
            "rate-limit",
            "ratelimit",
            "too many requests",
            "toomanyrequests",
            "too_many_requests",
            "throttl",
            "wait before trying again",
            "resource_exhausted",
            "resource exhausted",
            "resourceexhausted",
            "resource has been exhausted",
            "request_limit_exceeded",
            "maximum pending requests exceeded",
            "quota exceeded for aiplatform",
            "quota exceeded for metric",
            "quota exceeded for quota metric",
            "requests_per",
            "tokens_per",
            "per minute",
            "per-minute",
            "per_minute",
            "perminute",
            "/ minute",
            "tokens per min",
            "requests per min",
            "tokens per day",
            "requests per day",
        ),
    ),
    # Rows before LLMs: to be wrong here costs a row, to be wrong below costs the run.
    _Meaning(
        "row",
        "guardrail",
        _not_too_many,
        (
            "guardrail",
            "cortex guard",
            "content_filter",
            "content filter",
            "content management policy",
            "content policy",
            "content_policy",
            "responsibleaipolicyviolation",
            "safety system",
            "violating our usage policy",
            "prohibited_content",
            "blockreason",
            "blockedreason",
        ),
    ),
    _Meaning(
        "row",
        "context_length",
        _not_too_many,
        (
            "context_length",
            "context length",
            "context limit",
            "context size",
            "context window",
            "exceed_context_size",
            "prompt is too long",
            "prompt too long",
            "input is too long",
            "string too long",
            "too long to fit into the model",
            "too many tokens",
            "maximum number of tokens",
            "maximum model length",
            "maximum allowed input length",
            "expected maxlength",
            "input tokens exceed",
            "max tokens of … exceeded",
            "tokens + `max_new_tokens` must be",
            "`inputs` must have less than",
            "reduce the length of",
        ),
    ),
    _Meaning(
        "llm",
        "authentication",
        _at(_SERVER_ERROR),
        (
            "ticket not given or unrecognized",
            "notauthenticatedexception",
            "unauthorizedexception",
        ),
    ),
    _Meaning(
        "llm",
        "not_found",
        _at(_BAD_REQUEST, _SERVER_ERROR),
        (
            "llm not found",
            "unknown llm",
            "no such llm",
            "llm does not exist",
            "model_not_found",
            "invalid_model",
            "invalid model: ",
            "unknown model",
            "the model `…` does not exist",
            "model '…' not found",
            'model "…" not found',
            "deploymentnotfound",
            "api deployment for this resource does not exist",
            "not_found_error…model: ",
            "have access to the model with the specified model id",
            "provided model identifier is invalid",
            "could not resolve the foundation model",
            "with on-demand throughput isn",
            "model version has reached the end of its life",
            "model is marked by provider as legacy",
            "endpoint with name … does not exist",
            "publisher model … was not found",
            "is not found for api version",
        ),
    ),
    # DSS's own block.
    _Meaning("llm", "quota", _at(_TOO_MANY, _SERVER_ERROR), ("cost quota", "blocked by quota")),
    # A quota, and no word of what it is of: where a pause is asked for, or with 429, it fills up; else it is DSS's.
    _Meaning("later", "rate_limit", _if_a_pause_is_asked_for, (*_QUOTA, _PLAN)),
    _Meaning("llm", "quota", _at(_TOO_MANY, _SERVER_ERROR), (_PLAN,)),
    _Meaning("llm", "quota", _at(_SERVER_ERROR), _QUOTA),
    # A class name alone, which any of the above may come with.
    _Meaning("row", "bad_request", _at(_SERVER_ERROR), ("illegalargumentexception",)),
)


def call_error(refusal: Refusal, request: CompletionRequest | None = None) -> CallError:
    """The error that says what happens next; `request` is what was sent, where it may be quoted."""
    if refusal.status in _STATUSES:
        return _error(refusal, *_STATUSES[refusal.status])
    said = Said(refusal.body, request)
    if error := _parameter_error(refusal, said, request):
        return error
    for meaning in _MEANINGS:
        if meaning.where(refusal) and any(said.has(marker) for marker in meaning.markers):
            return _error(refusal, meaning.level, meaning.error_type)
    if refusal.status == _TOO_MANY:
        return _error(refusal, "later", "rate_limit")
    if refusal.status >= _SERVER_ERROR:
        return _error(refusal, "later", "server")
    return _error(refusal, "row", "bad_request")


def _error(refusal: Refusal, level: _Level, error_type: ErrorType) -> CallError:
    words, status = refusal.words, refusal.status
    if level == "later":
        return TransientError(error_type, words, status=status, retry_after=refusal.retry_after)
    kind = LlmError if level == "llm" else RequestError
    return kind(error_type, words, status=status)


def _parameter_error(
    refusal: Refusal, said: Said, request: CompletionRequest | None
) -> ParameterError | None:
    if request is None or refusal.status not in _STATUSES_OF_BAD_PARAMETERS:
        return None
    parameter = refused_parameter(said.text, request.parameters, said.was_sent)
    if parameter is None:
        return None
    instead = replacement(parameter, said.text)
    return ParameterError(parameter, instead, refusal.words, status=refusal.status)
