"""A streamed answer, read as it comes.

It is a success where the LLM said why it stopped, its `finish_reason`, whatever happens to the connection after that:
the `[DONE]` that should follow brings nothing but the end. Without a `finish_reason` it is none, `[DONE]` or not, for
gateways end the stream in good order where the LLM behind them broke off. An error that comes as a chunk is an error
at any time. An endpoint that does not stream, and answers with one JSON, is understood as well.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from mesh_prompt_batch.answer import completion_from
from mesh_prompt_batch.chunk_assembly import ChunkAssembly
from mesh_prompt_batch.completion import Completion, CompletionRequest
from mesh_prompt_batch.errors import TransientError
from mesh_prompt_batch.event_stream import EventReader
from mesh_prompt_batch.refusals import Refusal, call_error

CUT_OR_INVALID = "The answer was cut, or is not valid JSON."
_END = b"[DONE]"
# What DSS answers for a provider that failed, and a chunk has no status of its own.
_UNKNOWN_STATUS = 500
_ERROR_STATUSES = range(400, 600)


class StreamedAnswer:
    """`first_token_seconds` is None until text came; `last_sign` is the moment of the last piece of any kind."""

    def __init__(
        self, request: CompletionRequest, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._request = request
        self._now = now
        self._started = self.last_sign = now()
        self._events = EventReader()
        self._assembly = ChunkAssembly()
        self._unread: list[bytes] = []
        self._in_events = False
        self._failed = False
        self.first_token_seconds: float | None = None
        self.is_ended = False

    @property
    def is_whole(self) -> bool:
        return self._assembly.finish_reason is not None and not self._failed

    def add(self, block: bytes) -> Iterator[str]:
        """The text that these bytes bring. Raises CallError where they tell of a failure."""
        if not self._in_events:
            self._unread.append(block)
        for name, data in self._events.feed(block):
            self._in_events = True
            self.is_ended = data == _END
            if self.is_ended:
                return
            text = self._piece(name, data)
            if text:
                yield text

    def completion(self) -> Completion:
        """Raises CallError where the answer is not whole."""
        latency = self._now() - self._started
        if not self._in_events:
            body = self._one_json()
            return completion_from(body, self._request.llm_id, latency)
        if not self.is_whole:
            raise TransientError(
                "connection", "The stream ended before the LLM said that its answer is whole."
            )
        found = completion_from(self._assembly.body(), self._request.llm_id, latency)
        return replace(found, time_to_first_token_seconds=self.first_token_seconds)

    def _piece(self, name: bytes, data: bytes) -> str | None:
        chunk = _parsed(data)
        refusal = _refusal(chunk, named_error=b"error" in name)
        if refusal is not None:
            self._failed = True
            raise call_error(refusal, self._request)
        text = self._assembly.add(chunk) if isinstance(chunk, Mapping) else None
        if text is not None:
            self.last_sign = self._now()
        if text and self.first_token_seconds is None:
            self.first_token_seconds = self.last_sign - self._started
        return text

    def _one_json(self) -> object:
        text = b"".join(self._unread).strip()
        body = _parsed(text) if text.startswith(b"{") else None
        refusal = _refusal(body, named_error=False)
        if refusal is not None:
            raise call_error(refusal, self._request)
        return body


class TextStream:
    """Iterate for the answer's text as it comes; `completion` holds it whole when that has ended.

    The call is made when the iteration begins. The iteration raises CallError, also where the stream ends before the
    LLM said that its answer is whole.
    """

    def __init__(
        self, open_blocks: Callable[[], Iterator[bytes]], request: CompletionRequest
    ) -> None:
        """`open_blocks` makes the call and gives the response's bytes."""
        self._open_blocks = open_blocks
        self._request = request
        self.completion: Completion | None = None

    def __iter__(self) -> Iterator[str]:
        answer = StreamedAnswer(self._request)
        try:
            for block in self._open_blocks():
                yield from answer.add(block)
                if answer.is_ended:
                    break
        except TransientError:
            if not answer.is_whole:
                raise
        self.completion = answer.completion()


def _parsed(text: bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise TransientError("connection", CUT_OR_INVALID) from None


def _refusal(chunk: object, *, named_error: bool) -> Refusal | None:
    """A chunk that is an error: in OpenAI's envelope, in DSS's words, or by its event's name alone."""
    if not isinstance(chunk, Mapping):
        return Refusal(_UNKNOWN_STATUS, chunk) if named_error else None
    error = chunk.get("error")
    bare = "choices" not in chunk and ("errorType" in chunk or "errorMessage" in chunk)
    if not (error or bare or named_error):
        return None
    code = error.get("code") if isinstance(error, Mapping) else None
    status = code if isinstance(code, int) and code in _ERROR_STATUSES else _UNKNOWN_STATUS
    return Refusal(status, error if isinstance(error, str) else chunk)
