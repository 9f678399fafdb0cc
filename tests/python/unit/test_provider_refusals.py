"""The words with which providers refuse mean the same from the provider itself and in the 500 that DSS makes of them.

`provider_refusals.json` has them by what they mean: provider, its own status, its code, its words, where they were seen
(issues of GitHub as owner/name#number).
"""

import json
from pathlib import Path

import pytest

from mesh_prompt_batch.errors import CallError, LlmError, RequestError, TransientError
from mesh_prompt_batch.refusals import Refusal, call_error

FACTS = json.loads(Path(__file__).with_name("provider_refusals.json").read_text(encoding="utf-8"))
KINDS: dict[str, type[CallError]] = {
    "rate_limit": TransientError,
    "server": TransientError,
    "context_length": RequestError,
    "guardrail": RequestError,
    "not_found": LlmError,
    "quota": LlmError,
}

# From DSS or the provider itself it is about the caller, whatever the words.
DECIDES_ALONE = 403


def judged(status: int, body: object) -> tuple[type[CallError], str]:
    error = call_error(Refusal(status, body))
    return type(error), error.error_type


def dss(words: str) -> dict[str, str]:
    java = "com.dataiku.dip.exceptions.CodedIOException"
    return {"errorType": java, "message": words, "detailedMessage": words}


@pytest.mark.parametrize("error_type", KINDS)
def test_a_provider_s_words_mean_the_same_in_dss_s_500(error_type: str) -> None:
    meant = (KINDS[error_type], error_type)
    for provider, status, code, words, seen in FACTS[error_type]:
        envelope = {"error": {"message": words, "code": code}}
        quoted = f"Failed to query {provider}: HTTP {status}: {json.dumps(envelope)}"
        for body in (dss(words), dss(quoted)):
            assert judged(500, body) == meant, (words, seen)
        if status != DECIDES_ALONE:
            assert judged(status, envelope) == meant, (words, seen)


def test_every_group_of_words_is_tried() -> None:
    assert set(FACTS) == set(KINDS)
