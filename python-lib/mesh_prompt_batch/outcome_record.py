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
from mesh_prompt_batch.usage import Usage


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
    """What `record_of` was given."""
    kept = cast("Mapping[str, Any]", json.loads(record))
    if "error" not in kept:
        return _completion(kept)
    answer = _completion(kept["answer"]) if "answer" in kept else None
    usage = _usage(*kept["usage"])
    return Failure(kept["error"], kept["words"], kept["attempts"], kept["status"], usage, answer)


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
    completion = completion_from(kept["body"], kept["llm_id"], kept["latency"])
    return replace(
        completion,
        usage=_usage(*kept["usage"]),
        attempts=kept["attempts"],
        time_to_first_token_seconds=kept.get("first_token"),
    )


def _usage(
    prompt_tokens: int | None, completion_tokens: int | None, cost: str | None = None
) -> Usage:
    return Usage(prompt_tokens, completion_tokens, None if cost is None else Decimal(cost))
