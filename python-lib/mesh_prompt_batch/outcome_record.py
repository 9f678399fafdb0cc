"""An outcome as one line of text: what the run store and the run folder keep of it.

An answer is kept as it was received, so that any set of output columns can be made of it later.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

from mesh_prompt_batch.answer import completion_from
from mesh_prompt_batch.completion import Completion, Failure, Outcome
from mesh_prompt_batch.errors import CallError, ErrorType, RunStoppedError
from mesh_prompt_batch.money import MOST
from mesh_prompt_batch.usage import Usage


class UnreadableAnswerError(RunStoppedError):
    """What lies in the run folder is whole, and no answer all the same."""


# Of a line that was made up, whatever it lacks.
_NO_OUTCOME = (
    *(ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError),
    CallError,
)


def record_of(outcome: Outcome) -> str:
    """JSON without line breaks."""
    if isinstance(outcome, Completion):
        record = _of_completion(outcome)
    else:
        record = {
            **_counts(outcome),
            "error": outcome.error_type,
            "words": outcome.message,
            "status": outcome.status,
        }
        if outcome.answer is not None:
            record["answer"] = _of_completion(outcome.answer)
    return json.dumps(record, separators=(",", ":"))


def outcome_of(record: str) -> Outcome:
    """What `record_of` was given. Raises UnreadableAnswerError where it was given nothing of the kind."""
    try:
        return _outcome(cast("Mapping[str, Any]", json.loads(record)))
    except _NO_OUTCOME:
        raise UnreadableAnswerError(
            "An answer in the run folder was not written by this plugin and cannot be read: empty the folder, or set"
            " 'Reuse completions' to never, and run again."
        ) from None


def _outcome(kept: Mapping[str, Any]) -> Outcome:
    if "error" not in kept:
        return _completion(kept)
    answer = _completion(kept["answer"]) if "answer" in kept else None
    error, words, status = kept["error"], kept["words"], kept["status"]
    if not (isinstance(error, str) and isinstance(words, str)):
        raise TypeError
    # Whatever word it is, it goes into a column of words.
    error_type = cast("ErrorType", error)
    return Failure(
        error_type,
        words,
        int(_figure(kept["attempts"])),
        None if status is None else int(_figure(status)),
        _usage(*kept["usage"]),
        answer,
    )


def _of_completion(completion: Completion) -> dict[str, object]:
    return {
        **_counts(completion),
        "llm_id": completion.llm_id,
        "latency": completion.latency_seconds,
        "body": completion.raw,
        "first_token": completion.time_to_first_token_seconds,
    }


def _counts(outcome: Outcome) -> dict[str, object]:
    usage = outcome.usage
    cost = None if usage.cost is None else str(usage.cost)
    used = [usage.prompt_tokens, usage.completion_tokens, cost]
    return {"attempts": outcome.attempts, "usage": used}


def _completion(kept: Mapping[str, Any]) -> Completion:
    llm_id, first_token = kept["llm_id"], kept.get("first_token")
    if not isinstance(llm_id, str):
        raise TypeError
    return replace(
        completion_from(kept["body"], llm_id, float(_figure(kept["latency"]))),
        usage=_usage(*kept["usage"]),
        attempts=int(_figure(kept["attempts"])),
        time_to_first_token_seconds=None if first_token is None else float(_figure(first_token)),
    )


def _figure(number: float) -> float:
    """No count or time of a real run is larger."""
    if not 0 <= number < MOST:
        raise ValueError
    return number


def _usage(
    prompt_tokens: int | None, completion_tokens: int | None, cost: str | None = None
) -> Usage:
    counts = [it for it in (prompt_tokens, completion_tokens) if it is not None]
    exact = None if cost is None else Decimal(cost)
    if not all(type(it) is int and 0 <= it < MOST for it in counts) or not 0 <= (exact or 0) < MOST:
        raise ValueError
    return Usage(prompt_tokens, completion_tokens, exact)
