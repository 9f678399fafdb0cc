"""One row's calls where JSON is wanted: asked again while the answer is none, or is cut off."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from mesh_prompt_batch.completion import Completion, CompletionRequest, Failure, Message, Outcome
from mesh_prompt_batch.format_settings import FormatSettings
from mesh_prompt_batch.found_json import InvalidAnswerError
from mesh_prompt_batch.storable import storable
from mesh_prompt_batch.usage import NOTHING_REPORTED, Usage

MOST_CORRECTIONS = 2
# What our own longer or larger request may run into: the row's problem is then the one before.
_OF_ASKING_AGAIN = ("bad_request", "context_length")
Complete = Callable[[CompletionRequest], Awaitable[Outcome | None]]


async def complete_in_format(
    complete: Complete, request: CompletionRequest, wanted: FormatSettings
) -> Outcome | None:
    """The row's outcome, its attempts and usage summed over all calls; None where a limit ended the run before.

    An answer that is not as it must be is shown to the LLM with what is wrong, at most twice; one that is cut off is
    asked for once more with twice the room. A failure keeps the last answer there was.
    """
    if not wanted.wants_json:
        return await complete(request)
    row, asked = _Row(request), request
    while True:
        outcome = await complete(asked)
        if outcome is None:
            return None
        problem = row.judge(outcome, wanted)
        if problem is None:
            return row.total(outcome)
        again = row.next_request(problem)
        if again is None:
            return row.total(problem)
        asked = again


@dataclass(slots=True)
class _Row:
    """`corrections` and `room` say how often the row may still be asked again, for which reason."""

    request: CompletionRequest
    corrections: int = MOST_CORRECTIONS
    room: int = 1
    asked: CompletionRequest | None = None
    attempts: int = 0
    usage: Usage = NOTHING_REPORTED
    last: Failure | None = None

    def judge(self, outcome: Outcome, wanted: FormatSettings) -> Failure | None:
        """None where the row is decided, be it by an error of another kind."""
        self.attempts += outcome.attempts
        self.usage += outcome.usage
        if isinstance(outcome, Failure):
            return outcome if outcome.error_type == "truncated" else None
        if outcome.finish_reason == "length":
            words = "The answer was cut off: raise 'Max tokens'."
            return Failure("truncated", words, answer=outcome)
        try:
            wanted.value_in(outcome.text)
        except InvalidAnswerError as error:
            return Failure("invalid_output", str(error), answer=outcome)
        return None

    def next_request(self, problem: Failure) -> CompletionRequest | None:
        """None where the row was asked often enough."""
        self.last = self._with_answer(problem)
        asked = self.asked or self.request
        if problem.error_type == "truncated":
            room = _doubled(asked, problem)
            if not self.room or room is None:
                return None
            self.room -= 1
            self.asked = replace(asked, parameters={**asked.parameters, "max_tokens": room})
        elif not self.corrections or problem.answer is None:
            return None
        else:
            self.corrections -= 1
            # The last answer alone: the conversation does not grow from one correction to the next.
            corrected = _corrected(self.request.messages, problem.answer, problem.message)
            self.asked = replace(asked, messages=corrected)
        return self.asked

    def total(self, outcome: Outcome) -> Outcome:
        if isinstance(outcome, Completion):
            return replace(outcome, attempts=self.attempts, usage=self.usage)
        if self.last is not None and outcome.error_type in _OF_ASKING_AGAIN:
            outcome = self.last
        whole = self._with_answer(outcome)
        return replace(whole, attempts=self.attempts, usage=self.usage)

    def _with_answer(self, failure: Failure) -> Failure:
        if failure.answer is not None or self.last is None:
            return failure
        return replace(failure, answer=self.last.answer)


def _doubled(asked: CompletionRequest, cut: Failure) -> int | None:
    """Twice what was allowed, or twice what came where nothing was said; None where neither is known."""
    allowed = asked.parameters.get("max_tokens")
    if isinstance(allowed, int):
        return 2 * allowed
    came = (cut.answer or cut).usage.completion_tokens
    return 2 * came if came else None


def _corrected(
    messages: tuple[Message, ...], answer: Completion, problem: str
) -> tuple[Message, ...]:
    wrong = f"That is not what was asked for. {problem} Answer again with the whole JSON, corrected, and nothing else."
    return (
        *messages,
        {"role": "assistant", "content": storable(answer.text)},
        {"role": "user", "content": storable(wrong)},
    )
