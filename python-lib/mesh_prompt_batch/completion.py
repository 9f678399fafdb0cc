"""The values of a call: what is asked, what comes back, what it used."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field

from mesh_prompt_batch.errors import CallError, ErrorType
from mesh_prompt_batch.image_file import FolderImage
from mesh_prompt_batch.usage import NOTHING_REPORTED, Usage

Message = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """One row's request; `parameters` are spelled as the chat completions API spells them.

    Of the files `images` the messages hold the short URLs alone: `images.py` reads the bytes when a call starts.
    """

    llm_id: str
    messages: tuple[Message, ...] = field(repr=False)
    parameters: Mapping[str, object]
    images: tuple[FolderImage, ...] = field(default=(), repr=False)

    def body(self) -> dict[str, object]:
        return {"model": self.llm_id, "messages": self.messages, **self.parameters}

    def texts(self) -> Iterator[str]:
        """All that the messages say in words, in order."""
        for message in self.messages:
            content = message.get("content")
            if isinstance(content, str):
                yield content
            elif isinstance(content, (list, tuple)):
                yield from (part["text"] for part in content if isinstance(part.get("text"), str))

    def text_bytes(self) -> int:
        """Of `texts`, as UTF-8."""
        return sum(len(text.encode()) for text in self.texts())


@dataclass(frozen=True, slots=True)
class Completion:
    """A row's answer. `latency_seconds` is of the call that answered, `attempts` of all calls for the row.

    `time_to_first_token_seconds` is None where the answer was not streamed.
    """

    text: str = field(repr=False)
    finish_reason: str | None
    usage: Usage
    llm_id: str
    latency_seconds: float
    attempts: int = 1
    raw: Mapping[str, object] = field(default_factory=dict, repr=False)
    time_to_first_token_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A row without an answer that counts. `message` may quote the prompt: for the row's cell only.

    `answer` is what the LLM said where that is not what was asked for.
    """

    error_type: ErrorType
    message: str = field(repr=False)
    attempts: int = 0
    status: int | None = None
    usage: Usage = NOTHING_REPORTED
    answer: Completion | None = field(default=None, repr=False)

    @classmethod
    def of(cls, error: CallError, attempts: int, usage: Usage = NOTHING_REPORTED) -> "Failure":
        return cls(error.error_type, error.provider_words, attempts, error.status, usage)


Outcome = Completion | Failure
# Makes one call; raises CallError.
Call = Callable[[CompletionRequest], Awaitable[Completion]]
