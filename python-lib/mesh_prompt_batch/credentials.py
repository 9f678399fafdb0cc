"""Finds the first endpoint that lets us in, and says in one sentence why none does."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mesh_prompt_batch.endpoint import Endpoint
from mesh_prompt_batch.errors import CallError, EndpointError, LlmError, TransientError

logger = logging.getLogger(__name__)

# A gateway that restarts is back within seconds; one that is gone should not cost minutes for each address.
PREFLIGHT_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Accepted:
    """An endpoint that answered, with the ids of the LLMs it listed."""

    endpoint: Endpoint
    llm_ids: frozenset[str]


def first_accepted(
    candidates: Iterable[Endpoint],
    list_llm_ids: Callable[[Endpoint], frozenset[str]],
    sleep: Callable[[float], None],
) -> Accepted:
    """Try the candidates in order, each with one cheap request.

    `list_llm_ids` raises CallError, or EndpointError for an address whose certificate is not trusted: no other
    credential would change that, but another address may. Raises EndpointError when none was accepted.
    """
    refusals: list[tuple[Endpoint, CallError]] = []
    untrusted: list[EndpointError] = []
    dead: set[str] = set()
    for endpoint in candidates:
        if endpoint.base_url in dead:
            continue
        try:
            llm_ids = _listed(endpoint, list_llm_ids, sleep)
        except CallError as error:
            refusals.append((endpoint, error))
            if not _about_credential(error):
                dead.add(endpoint.base_url)
        except EndpointError as error:
            logger.warning(f"{endpoint.base_url}: {error}")
            untrusted.append(error)
            dead.add(endpoint.base_url)
        else:
            logger.info(f"Connected to {endpoint.base_url} with {endpoint.credential}.")
            return Accepted(endpoint, llm_ids)
    # A credential is all that an address needs which answered; one whose certificate is not trusted may be no use.
    if untrusted and not any(_about_credential(error) for _, error in refusals):
        raise untrusted[0]
    raise EndpointError(_why(refusals))


def _listed(
    endpoint: Endpoint,
    list_llm_ids: Callable[[Endpoint], frozenset[str]],
    sleep: Callable[[float], None],
) -> frozenset[str]:
    for attempt in range(1, PREFLIGHT_ATTEMPTS):
        try:
            return list_llm_ids(endpoint)
        except TransientError:
            sleep(float(attempt))
    return list_llm_ids(endpoint)


def _about_credential(error: CallError) -> bool:
    return isinstance(error, LlmError) and error.error_type == "authentication"


def _why(refusals: list[tuple[Endpoint, CallError]]) -> str:
    refused = [(endpoint, error) for endpoint, error in refusals if _about_credential(error)]
    if refused:
        tried = " and ".join(
            f"{endpoint.credential} ({_status(error)})" for endpoint, error in refused
        )
        return (
            f"The LLM Mesh accepted none of the credentials tried, {tried}: check that you may read and write this"
            " project; if so, add a user secret named 'mesh-prompt-batch-api-key' to your profile, or ask an admin"
            " to fill in 'API key' in the plugin's settings."
        )
    if not refusals:
        return (
            "There is no credential to reach the LLM Mesh with: run this inside Dataiku, or give a"
            " URL and an API key."
        )
    endpoint, error = refusals[-1]
    if isinstance(error, LlmError):
        return (
            f"{endpoint.base_url} does not serve the LLM Mesh's OpenAI-compatible API (404): it needs Dataiku 13.2 or"
            " newer; if this job's address is the wrong one, an admin can set 'DSS URL' in the plugin's settings."
        )
    return (
        f"The LLM Mesh at {endpoint.base_url} does not answer ({_status(error)}): check that Dataiku is up and can be"
        " reached from here; an admin can set another address as 'DSS URL' in the plugin's settings."
    )


def _status(error: CallError) -> str:
    return str(error) if error.status is None else f"HTTP {error.status}"
