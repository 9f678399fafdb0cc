"""A streamed answer, put together from its chunks as they come."""

import time
from collections.abc import Callable, Iterator, Mapping

from mesh_prompt_batch.completion import Completion
from mesh_prompt_batch.errors import TransientError
from mesh_prompt_batch.usage import NOTHING_REPORTED, usage_from


class TextStream:
    """Iterate for the answer's text as it comes; `completion` holds it whole when that has ended.

    The call is made when the iteration begins. The iteration raises CallError, also where the stream ends before the
    provider said that the answer is whole.
    """

    def __init__(self, open_chunks: Callable[[], Iterator[object]], llm_id: str) -> None:
        self._open_chunks = open_chunks
        self._llm_id = llm_id
        self._pieces: list[str] = []
        self._finish_reason: str | None = None
        self._usage = NOTHING_REPORTED
        self.completion: Completion | None = None

    def __iter__(self) -> Iterator[str]:
        started = time.monotonic()
        for chunk in self._open_chunks():
            if isinstance(chunk, Mapping):
                yield from self._piece(chunk)
        if self._finish_reason is None:
            raise TransientError("connection", "The stream ended before the answer did.")
        self.completion = Completion(
            "".join(self._pieces),
            self._finish_reason,
            self._usage,
            self._llm_id,
            time.monotonic() - started,
        )

    def _piece(self, chunk: Mapping[str, object]) -> Iterator[str]:
        usage = usage_from(chunk)
        if usage.reported:
            self._usage = usage
        choices = chunk.get("choices")
        # The chunk that brings the usage has no choices.
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, Mapping):
            return
        reason = choice.get("finish_reason")
        self._finish_reason = reason if isinstance(reason, str) else self._finish_reason
        delta = choice.get("delta")
        text = delta.get("content") if isinstance(delta, Mapping) else None
        if isinstance(text, str) and text:
            self._pieces.append(text)
            yield text
