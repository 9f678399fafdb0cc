"""Asks LLMs, some at a time; what is found of one never depends on another."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from queue import SimpleQueue

from mesh_prompt_batch.completion import Completion, CompletionRequest
from mesh_prompt_batch.errors import CallError
from mesh_prompt_batch.usage import NOTHING_REPORTED, Usage

LLMS_AT_ONCE = 8
WHOLE_PROGRESS = 100
ANSWERS = "answers"


@dataclass(frozen=True, slots=True)
class Calls:
    """The way to the LLMs; threads may share it. Both raise CallError.

    `ask` gives the JSON of what came with 200, `stream` a streamed answer and in how many pieces its text came.
    """

    ask: Callable[[CompletionRequest], object]
    stream: Callable[[CompletionRequest], tuple[Completion | None, int]]


@dataclass(frozen=True, slots=True)
class Effort:
    """Calls made of an LLM, and the tokens of those that told: `silent` ones answered and did not."""

    calls: int = 0
    silent: int = 0
    usage: Usage = NOTHING_REPORTED

    @property
    def tokens(self) -> int:
        return self.usage.tokens

    def with_call(self, usage: Usage) -> "Effort":
        silent = self.silent + (not usage.reported)
        return Effort(self.calls + 1, silent, self.usage + usage)

    def with_refused_call(self) -> "Effort":
        return replace(self, calls=self.calls + 1)

    def __add__(self, other: "Effort") -> "Effort":
        return Effort(
            self.calls + other.calls, self.silent + other.silent, self.usage + other.usage
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether an LLM answered, in words; None: it was not asked. `verdicts` by capability, where they were sought."""

    status: str
    answers: bool | None
    latency_seconds: float | None = None
    verdicts: Mapping[str, str] = field(default_factory=dict)
    effort: Effort = field(default_factory=Effort)


NOT_CHECKED = Finding("not checked", answers=None)
NOT_ALLOWED = Finding("not allowed", answers=None)
MISSING = Finding("missing", answers=False)
OpenCalls = Callable[[], AbstractContextManager[Calls]]


@dataclass(frozen=True, slots=True)
class Examination:
    """Examines one LLM: `examine(llm_id, calls, made)` calls `made` after each call, at most `most_calls` times."""

    most_calls: int
    examine: Callable[[str, Calls, Callable[[], None]], Finding]


def check(
    llm_ids: Sequence[str],
    examination: Examination,
    open_calls: OpenCalls,
    progress: Callable[[int], None],
    at_once: int = LLMS_AT_ONCE,
) -> dict[str, Finding]:
    """One finding an LLM, `at_once` of them asked at a time, each by one call after the other.

    `progress` gets the share that is done, in percent, and in this thread alone.
    """
    if not llm_ids:
        return {}
    steps: SimpleQueue[None] = SimpleQueue()
    planned = len(llm_ids) * examination.most_calls
    with open_calls() as calls, ThreadPoolExecutor(at_once) as pool:
        asked = {it: pool.submit(_examined, examination, it, calls, steps) for it in llm_ids}
        for done in range(1, planned + 1):
            steps.get()
            progress(WHOLE_PROGRESS * done // planned)
        return {llm_id: future.result() for llm_id, future in asked.items()}


def _examined(
    examination: Examination, llm_id: str, calls: Calls, steps: "SimpleQueue[None]"
) -> Finding:
    left = iter(range(examination.most_calls))

    def made() -> None:
        next(left)
        steps.put(None)

    try:
        return examination.examine(llm_id, calls, made)
    finally:
        for _ in left:
            steps.put(None)


def _availability(llm_id: str, calls: Calls, made: Callable[[], None]) -> Finding:
    """Asked for one token; without that bound where the LLM refuses it, as reasoning models do."""
    finding = NOT_CHECKED
    for parameters in ({"max_tokens": 1}, {}):
        request = CompletionRequest(llm_id, ({"role": "user", "content": "Say ok."},), parameters)
        started = time.monotonic()
        try:
            calls.ask(request)
        except CallError as error:
            finding = Finding(str(error), answers=False)
            if error.error_type == "bad_request":
                continue
        else:
            # Whatever came with 200 shows that it is alive: one token may well be an empty text.
            finding = Finding(ANSWERS, answers=True, latency_seconds=time.monotonic() - started)
        break
    made()
    return finding


AVAILABILITY_CHECK = Examination(1, _availability)
