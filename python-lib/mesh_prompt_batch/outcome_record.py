"""An outcome as one line of text: what the run store and the run folder keep of it.

An answer is kept as it was received, so that any set of output columns can be made of it later.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from mesh_prompt_batch.answer import completion_from
from mesh_prompt_batch.completion import Completion, Failure, Outcome
from mesh_prompt_batch.usage import Usage


def record_of(outcome: Outcome) -> str:
    """JSON without line breaks."""
    usage = [outcome.usage.prompt_tokens, outcome.usage.completion_tokens]
    record: dict[str, object] = {"attempts": outcome.attempts, "usage": usage}
    if isinstance(outcome, Completion):
        record |= {
            "llm_id": outcome.llm_id,
            "latency": outcome.latency_seconds,
            "body": outcome.raw,
        }
    else:
        record |= {"error": outcome.error_type, "words": outcome.message, "status": outcome.status}
    return json.dumps(record, separators=(",", ":"))


def outcome_of(record: str) -> Outcome:
    """What `record_of` was given."""
    kept = cast("Mapping[str, Any]", json.loads(record))
    usage, attempts = Usage(*kept["usage"]), kept["attempts"]
    if "error" in kept:
        return Failure(kept["error"], kept["words"], attempts, kept["status"], usage)
    completion = completion_from(kept["body"], kept["llm_id"], kept["latency"])
    return replace(completion, usage=usage, attempts=attempts)
