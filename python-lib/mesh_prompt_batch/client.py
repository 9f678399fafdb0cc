"""`MeshClient`: the LLM Mesh from notebooks, code recipes and programs outside Dataiku."""

import itertools
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from mesh_prompt_batch.adaptation import Adaptations
from mesh_prompt_batch.adapters import mesh
from mesh_prompt_batch.completion import Completion, CompletionRequest, Message
from mesh_prompt_batch.endpoint import Endpoint, public_url
from mesh_prompt_batch.errors import (
    CleanStopError,
    LongPauseError,
    ParameterError,
    SettingsError,
    TransientError,
)
from mesh_prompt_batch.retry import RetryPolicy
from mesh_prompt_batch.streaming import TextStream

if TYPE_CHECKING:
    from typing_extensions import Self

TIMEOUT_SECONDS = 300.0


class MeshClient:
    """The LLMs of one project.

    Inside Dataiku `MeshClient()` needs nothing: it uses the ticket of the notebook or job, or the user secret
    `mesh-prompt-batch-api-key`. Outside, give `url`, `api_key` and `project_key`; a `url` that ends in
    `/llms/openai/v1/`, or that comes without a project key, is taken as it is. `verify` is True, False, or the path
    of a PEM file. Raises SettingsError or EndpointError at construction.
    """

    openai: mesh.Client
    """A configured client: `client.openai.chat.completions.create(model=<LLM id>, messages=…)`."""

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        project_key: str | None = None,
        *,
        verify: bool | str = True,
    ) -> None:
        self._retry = RetryPolicy()
        self._adaptations = Adaptations()
        if url is None:
            endpoint = _endpoint_inside(project_key)
        else:
            endpoint = _endpoint_outside(url, api_key, project_key, verify=verify)
        self.openai = mesh.open_client(endpoint, TIMEOUT_SECONDS)

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.openai.close()

    def complete(
        self, llm_id: str, user: str, system: str | None = None, **parameters: object
    ) -> Completion:
        """One answer; transient failures are tried again as in the recipe.

        An LLM that refuses a parameter that can be spared, such as `temperature`, is asked without it from then on.
        `parameters` go into the request: temperature, max_tokens, … Raises CallError; its text is ours alone, the
        provider's words are in `provider_words`. It is a LongPauseError where the provider asks for a pause of more
        than ten minutes. Raises EndpointError for a certificate that is not trusted.
        """
        request = _request(llm_id, user, system, parameters)
        for attempt in itertools.count(1):
            try:
                return replace(self._adapted(request), attempts=attempt)
            except TransientError as error:
                wait = self._wait_after(error, attempt)
                if wait is None:
                    raise
            time.sleep(wait)
        raise AssertionError("unreachable")

    def stream(
        self, llm_id: str, user: str, system: str | None = None, **parameters: object
    ) -> TextStream:
        """The answer's text as it comes, to iterate over; `completion` holds it whole at the end.

        The call is made when the iteration begins, which raises CallError, or EndpointError as `complete` does. It is
        not tried again: a TransientError has the seconds to wait in `retry_after`, None where the provider names none.
        """
        request = _request(llm_id, user, system, parameters)
        return TextStream(lambda: self._adapted_blocks(request), request)

    def list_llms(self, purpose: str = "GENERIC_COMPLETION") -> list[dict[str, object]]:
        """Dicts with `id` and, where Dataiku has them, `friendlyName`, `type` and `connection`."""
        return mesh.list_llms(self.openai, purpose)

    def _wait_after(self, error: TransientError, attempt: int) -> float | None:
        try:
            return self._retry.wait_after(error, attempt, random.random())
        except CleanStopError:
            # It names a field of the recipe's form; nobody filled one in here.
            raise LongPauseError(error, self._retry.max_wait) from None

    def _adapted(self, request: CompletionRequest) -> Completion:
        while True:
            try:
                return mesh.ask(self.openai, self._adaptations.applied(request))
            except ParameterError as error:
                self._adaptations.learn(request, error)

    def _adapted_blocks(self, request: CompletionRequest) -> Iterator[bytes]:
        while True:
            try:
                # A parameter is refused before there is anything to yield.
                yield from mesh.stream_blocks(self.openai, self._adaptations.applied(request))
            except ParameterError as error:
                self._adaptations.learn(request, error)
            else:
                return


def _endpoint_inside(project_key: str | None) -> Endpoint:
    try:
        from mesh_prompt_batch.adapters import dss  # noqa: PLC0415  # outside Dataiku there is no dataiku
    except ImportError:
        raise SettingsError(
            "Outside Dataiku, MeshClient needs url=, api_key= and project_key=."
        ) from None
    return dss.endpoint_of_session(project_key)


def _endpoint_outside(
    url: str, api_key: str | None, project_key: str | None, *, verify: bool | str
) -> Endpoint:
    if not api_key:
        raise SettingsError("MeshClient(url=…) needs api_key= too: a Dataiku API key.")
    whole = project_key is None or url.rstrip("/").endswith("/openai/v1")
    base_url = f"{url.rstrip('/')}/" if whole or not project_key else public_url(url, project_key)
    return Endpoint(
        base_url, "the API key given", api_key=api_key, verify=verify, use_environment_proxies=True
    )


def _request(
    llm_id: str, user: str, system: str | None, parameters: Mapping[str, object]
) -> CompletionRequest:
    messages: tuple[Message, ...] = ({"role": "user", "content": user},)
    if system:
        messages = ({"role": "system", "content": system}, *messages)
    return CompletionRequest(llm_id, messages, parameters)
