"""Reads the JSON of a chat completion: a completion, or the reason why it is none."""

from collections.abc import Mapping

from mesh_prompt_batch.completion import Completion
from mesh_prompt_batch.errors import CallError, RequestError, TransientError
from mesh_prompt_batch.usage import Usage, usage_from


def completion_from(body: object, llm_id: str, latency_seconds: float) -> Completion:
    """Raises TransientError where the body is no chat completion at all, RequestError where it holds no answer."""
    if not isinstance(body, Mapping):
        raise TransientError("server", "The endpoint answered 200 with something other than JSON.")
    usage = usage_from(body)
    choice = _first_choice(body)
    if choice is None:
        raise _no_choice(body, usage)
    finish_reason = choice.get("finish_reason")
    reason = finish_reason if isinstance(finish_reason, str) else None
    text = _content(choice)
    if reason == "content_filter":
        raise RequestError(
            "guardrail", "The provider's content filter withheld the answer.", usage=usage
        )
    if not text:
        raise _no_text(reason, usage, reasoned=_reasoned(choice))
    return Completion(text, reason, usage, llm_id, latency_seconds, raw=body)


def _first_choice(body: Mapping[str, object]) -> Mapping[str, object] | None:
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
        return None
    return choices[0]


def _content(choice: Mapping[str, object]) -> str | None:
    message = choice.get("message")
    content = message.get("content") if isinstance(message, Mapping) else None
    return content if isinstance(content, str) else None


def _no_choice(body: Mapping[str, object], usage: Usage) -> CallError:
    if isinstance(body.get("choices"), list):
        return RequestError("empty", "The answer holds no choice.", usage=usage)
    return TransientError(
        "server", "The endpoint answered 200 with something other than a completion."
    )


def _reasoned(choice: Mapping[str, object]) -> bool:
    """What an LLM thinks before it answers is no answer, though some endpoints pass it on."""
    message = choice.get("message")
    return isinstance(message, Mapping) and any(
        message.get(key) for key in ("reasoning_content", "reasoning")
    )


def _no_text(finish_reason: str | None, usage: Usage, *, reasoned: bool) -> RequestError:
    if finish_reason == "length":
        after = "while the LLM was still reasoning" if reasoned else "before its first word"
        return RequestError(
            "truncated", f"The answer was cut off {after}: raise 'Max tokens'.", usage=usage
        )
    words = (
        "The LLM reasoned, but its answer holds no text."
        if reasoned
        else "The answer holds no text."
    )
    return RequestError("empty", words, usage=usage)
