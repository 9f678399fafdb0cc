"""The identity of an answer: a digest of all that is sent for it, and of nothing else."""

import hashlib
import json

from mesh_prompt_batch.completion import CompletionRequest

FINGERPRINT_BYTES = 16
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def fingerprint(request: CompletionRequest) -> bytes:
    """16 bytes; equal for requests whose LLM, messages and parameters are equal, in whatever order they were set."""
    return _digest(_CANONICAL.encode(request.body()).encode())


def nth_twin(of: bytes, earlier: int) -> bytes:
    """The fingerprint of a request that came `earlier` times before and is to have an answer of its own."""
    return of if earlier == 0 else _digest(of + earlier.to_bytes(8, "big"))


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=FINGERPRINT_BYTES, person=b"answer v1").digest()
