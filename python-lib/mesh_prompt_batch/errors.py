"""The errors of this package, named by what happens next.

PromptBatchError
├── SettingsError        the user must change a setting; raised before any call
├── LimitReachedError    this row is not asked any more: the run ends cleanly
├── RunStoppedError      the run ends before every row is decided; the output keeps what it held
│   ├── CleanStopError   … because of a limit: what is answered may be published
│   ├── NoLlmLeftError   … because every LLM that rows ask for is given up
│   └── EndpointError    … because the Mesh cannot be reached or refuses us
└── CallError            a call to an LLM failed
    ├── TransientError   try again: 408, 409, 429, unknown 5xx, connection, timeout
    │   └── LongPauseError … but later than a `MeshClient` waits
    ├── RequestError     fail this row: 400, context length, guardrail, nothing in the answer
    │   └── ParameterError … or ask again without the parameter that the LLM refuses
    └── LlmError         give up this LLM: quota, authentication, not found
        └── LlmDownError … as it has failed or refused every call for too long
"""

from typing import Literal

from mesh_prompt_batch.usage import NOTHING_REPORTED, Usage

ErrorType = Literal[
    "invalid_row",
    "invalid_output",
    "truncated",
    "empty",
    "bad_request",
    "context_length",
    "guardrail",
    "rate_limit",
    "timeout",
    "connection",
    "server",
    "quota",
    "authentication",
    "not_found",
    "stopped",
]


class PromptBatchError(Exception):
    """Base of every error raised on purpose; the message is for the person reading a job banner."""


class SettingsError(PromptBatchError):
    """A setting that cannot work; the message names the field by its label."""


class RunStoppedError(PromptBatchError):
    """The run ended before every row was decided."""


class CleanStopError(RunStoppedError):
    """A limit that the user set ended the run: what is answered may be published."""


class NoLlmLeftError(RunStoppedError):
    """Every LLM that rows ask for is given up, and so is the fallback."""


class EndpointError(RunStoppedError):
    """The Mesh cannot be reached, or accepts none of the credentials there are."""


class LimitReachedError(PromptBatchError):
    """No call starts any more; whoever closed the gate says why."""


class CallError(PromptBatchError):
    """A call failed.

    `provider_words` may quote the prompt: it goes into the row's cell and nowhere else, so `str()` leaves it out.
    `calls`: how many were made, 0 where there was no use in one.
    """

    def __init__(
        self,
        error_type: ErrorType,
        provider_words: str,
        *,
        status: int | None = None,
        usage: Usage = NOTHING_REPORTED,
        calls: int = 1,
    ) -> None:
        super().__init__(error_type if status is None else f"{error_type} (HTTP {status})")
        self.error_type: ErrorType = error_type
        self.provider_words = provider_words
        self.status = status
        self.usage = usage
        self.calls = calls


class TransientError(CallError):
    """Worth another attempt; `retry_after` is the server's own figure in seconds, None where it gave none.

    `counts`: whether it is one of the row's attempts; not where the provider refuses all rows alike.
    """

    def __init__(
        self,
        error_type: ErrorType,
        provider_words: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(error_type, provider_words, status=status)
        self.retry_after = retry_after
        self.counts = True


class LongPauseError(TransientError):
    """The provider asks for a pause, `retry_after`, longer than the `longest` that is waited for; both in seconds."""

    def __init__(self, last: TransientError, longest: float) -> None:
        pause = last.retry_after or 0.0
        super().__init__(
            last.error_type, last.provider_words, status=last.status, retry_after=pause
        )
        sentence = (
            f"{last}: the provider asks for a pause of {pause:.0f} s, and no more than {longest:g} s are waited for:"
            " ask again later."
        )
        self.args = (sentence,)


class RequestError(CallError):
    """The row cannot be answered as it is."""


def invalid_row(sentence: str) -> RequestError:
    """Of a row that cannot be sent: no call is made for it."""
    return RequestError("invalid_row", sentence, calls=0)


class ParameterError(RequestError):
    """The LLM refuses a parameter; `instead`: the one that it says to take in its place."""

    def __init__(
        self, parameter: str, instead: str | None, provider_words: str, *, status: int
    ) -> None:
        super().__init__("bad_request", provider_words, status=status)
        self.parameter = parameter
        self.instead = instead


class LlmError(CallError):
    """No row can be answered by this LLM."""


class LlmDownError(LlmError):
    """The LLM has failed or refused every call for so many `seconds`, of late as `last` says."""

    def __init__(self, last: CallError, seconds: float) -> None:
        super().__init__(last.error_type, last.provider_words, status=last.status)
        self.seconds = seconds

    @property
    def is_limit(self) -> bool:
        """Whether it is a limit of the provider, which passes, rather than a failure."""
        return self.error_type == "rate_limit"
