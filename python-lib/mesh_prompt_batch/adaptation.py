"""What an LLM refuses of a request is left out, or renamed, from then on: found out once an LLM.

Reasoning models take no temperature, want `max_completion_tokens`, or have another such rule, and say so in a refusal:
with 400, or in DSS's 500. Only what can go without a change in what is asked for is adapted: never the limit on tokens,
which keeps the cost down, and never the stop sequences.
"""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from mesh_prompt_batch import format_settings, llm_settings, run_settings
from mesh_prompt_batch.completion import CompletionRequest
from mesh_prompt_batch.errors import ParameterError, RequestError
from mesh_prompt_batch.prompt_digest import shown_llm_id

logger = logging.getLogger(__name__)

# As the API spells them, and as the form does.
_FIELDS = {
    "temperature": llm_settings.LABELS["temperature"],
    "top_p": llm_settings.LABELS["top_p"],
    "frequency_penalty": llm_settings.LABELS["frequency_penalty"],
    "presence_penalty": llm_settings.LABELS["presence_penalty"],
    "stop": llm_settings.LABELS["stop_sequences"],
    "max_tokens": llm_settings.LABELS["max_tokens"],
    "max_completion_tokens": llm_settings.LABELS["max_tokens"],
    "response_format": format_settings.LABELS["native_json_schema"],
    "stream_options": run_settings.LABELS["stream"],
    "stream": run_settings.LABELS["stream"],
}
_NEEDLESS = frozenset({"temperature", "top_p", "frequency_penalty", "presence_penalty"})
_STREAMING = frozenset({"stream", "stream_options"})
_RENAMED = {"max_tokens": "max_completion_tokens"}

# As many as JSON in JSON in JSON escapes a quote with: a pattern that takes any number takes for ever with a long line.
_QUOTE = r"[\\\"'`\[(]{0,8}"
_NAME = f"{_QUOTE}(?P<name>{'|'.join(sorted(_FIELDS, key=len, reverse=True))})\\b"
_UNKNOWN = "(?:unsupported|unrecognized|unknown|unexpected|extraneous)"
_KIND = "(?:parameter|value|argument|keyword argument|field|key)"
_NOT_TAKEN = (
    r"(?:(?:is|are) (?:not supported|unsupported|deprecated|not permitted|not allowed)"
    r"|(?:does|do) not support|extra inputs are not permitted|cannot both be)"
)
# Of two that exclude each other the second goes: "temperature and top_p cannot both be specified".
_REFUSALS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_UNKNOWN} (?:request )?{_KIND}s?(?: supplied)?:? ?{_NAME}",
        rf"{_NAME}{_QUOTE}[\])]*:? {_NOT_TAKEN}",
        rf"(?:does not|doesn't) support (?:the )?(?:parameter )?{_NAME}",
    )
)


def refused_parameter(
    words: str, parameters: Mapping[str, object], was_sent: Callable[[str], bool]
) -> str | None:
    """The parameter of the request that these words, which are lower-case, refuse.

    `was_sent`: whether the request says so itself, and they may quote it.
    """
    for pattern in _REFUSALS:
        for match in pattern.finditer(words):
            if match["name"] in parameters and not was_sent(match[0]):
                return match["name"]
    return None


def replacement(parameter: str, words: str) -> str | None:
    """What the words say to send in its place."""
    other = _RENAMED.get(parameter)
    return other if other and other in words else None


class Adaptations:
    """Of all LLMs of a run. Threads may share it: the worst that can happen is that one finds out what another knew."""

    def __init__(self) -> None:
        self._left_out: dict[str, frozenset[str]] = {}
        self._said: set[tuple[str, str]] = set()

    def applied(self, request: CompletionRequest) -> CompletionRequest:
        """What is sent for a request, by all that is known of its LLM."""
        left_out = self._left_out.get(request.llm_id)
        if not left_out:
            return request
        sent = {}
        for name, value in request.parameters.items():
            if name not in left_out:
                sent[name] = value
            elif name in _RENAMED:
                sent[_RENAMED[name]] = value
        return replace(request, parameters=sent)

    def learn(self, request: CompletionRequest, error: ParameterError) -> None:
        """From a call that is worth making again. Raises RequestError, which has advice, where it is not.

        Many calls may have been refused at once: the first of them teaches, the others find it known.
        """
        name = error.parameter
        if name not in self.applied(request).parameters:
            # It was sent by a call that began before it was known.
            return
        if name not in _NEEDLESS | _STREAMING and error.instead is None:
            raise self._advice(request.llm_id, error) from None
        gone = _STREAMING if name == "stream" else {name}
        self._left_out[request.llm_id] = self._left_out.get(request.llm_id, frozenset()) | gone
        instead = f" and takes '{error.instead}'" if error.instead else ""
        llm = shown_llm_id(request.llm_id)
        logger.warning(
            f"{llm} refuses '{name}'{instead}: all its calls are sent accordingly from here on."
        )

    def _advice(self, llm_id: str, error: ParameterError) -> RequestError:
        name = error.parameter
        sentence = (
            f"{shown_llm_id(llm_id)} does not take '{_FIELDS[name]}' ({name}): clear that field."
        )
        if (llm_id, name) not in self._said:
            # Where all rows fail nothing is written: the log alone tells.
            self._said.add((llm_id, name))
            logger.warning(sentence)
        words = f"{sentence} {error.provider_words}"
        return RequestError("bad_request", words, status=error.status)
