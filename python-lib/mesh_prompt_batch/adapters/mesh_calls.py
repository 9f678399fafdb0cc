"""The calls of a run: the credential read again once, and what an LLM refuses left out from then on."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from mesh_prompt_batch.adaptation import Adaptations
from mesh_prompt_batch.adapters.mesh import STREAMED, Connection
from mesh_prompt_batch.completion import Call, Completion, CompletionRequest
from mesh_prompt_batch.credentials import Accepted
from mesh_prompt_batch.errors import LlmError, ParameterError, TransientError
from mesh_prompt_batch.run_settings import RunSettings

logger = logging.getLogger(__name__)


def calls_of_run(settings: RunSettings, connect: Callable[[], Accepted]) -> "MeshCalls":
    return MeshCalls(
        connect,
        timeout_seconds=settings.timeout_seconds,
        max_connections=settings.limits.max_concurrency,
        stream=settings.stream,
    )


class MeshCalls:
    """Makes the calls of a run: to be entered on the event loop that makes them.

    `connect` finds the endpoint, at once and a second time when the credential is refused in mid-run. It raises
    EndpointError.
    """

    def __init__(
        self,
        connect: Callable[[], Accepted],
        *,
        timeout_seconds: float,
        max_connections: int,
        stream: bool = False,
    ) -> None:
        self._connect = connect
        self._timeout = timeout_seconds
        self._max_connections = max_connections
        self._stream = stream
        self._accepted = connect()
        self._connections: list[Connection] = []
        self._answered: set[str] = set()
        self._adaptations = Adaptations()
        self._renewing = asyncio.Lock()

    async def __aenter__(self) -> Call:
        self._connections.append(Connection(self._accepted, self._timeout, self._max_connections))
        return self._complete

    async def __aexit__(self, *_: object) -> None:
        for connection in self._connections:
            await connection.client.close()

    async def _complete(self, request: CompletionRequest) -> Completion:
        if self._stream:
            request = replace(request, parameters={**request.parameters, **STREAMED})
        connection = self._connections[-1]
        try:
            completion = await self._adapted(connection, request)
        except LlmError as error:
            if error.error_type != "authentication" or not await self._renewed(connection):
                raise
            completion = await self._adapted(self._connections[-1], request)
        except TransientError as error:
            if self._is_unknown(request.llm_id, error):
                raise LlmError("not_found", error.provider_words, status=error.status) from None
            raise
        self._answered.add(request.llm_id)
        return completion

    async def _adapted(self, connection: Connection, request: CompletionRequest) -> Completion:
        """A call that is refused for a parameter that can be spared is no attempt: it costs nothing."""
        while True:
            try:
                return await connection.ask(self._adaptations.applied(request))
            except ParameterError as error:
                self._adaptations.learn(request, error)

    def _is_unknown(self, llm_id: str, error: TransientError) -> bool:
        # DSS answers an unknown id with 500, which is also what a provider in trouble looks like.
        listed = self._accepted.llm_ids
        return (
            error.status == 500  # noqa: PLR2004
            and error.error_type == "server"
            and bool(listed)
            and llm_id not in listed
            and llm_id not in self._answered
        )

    async def _renewed(self, refused: Connection) -> bool:
        """Whether there is another connection than the refused one: a ticket is read again once."""
        async with self._renewing:
            if self._connections[-1] is not refused:
                return True
            if len(self._connections) > 1:
                return False
            logger.info("The credential was refused in mid-run: reading it again.")
            self._accepted = await asyncio.to_thread(self._connect)
            self._connections.append(
                Connection(self._accepted, self._timeout, self._max_connections)
            )
            return True
