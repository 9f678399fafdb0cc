"""The bytes of a streamed response as they come, whatever HTTP layer the client has, and its errors in our words."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from mesh_prompt_batch.connection import is_late
from mesh_prompt_batch.errors import TransientError

LONGEST_GOODBYE_SECONDS = 0.1
LATE = "No answer came within the timeout."


class Response(Protocol):
    """What is needed of the HTTP layer's response, whose types change with openai's majors."""

    def iter_bytes(self) -> Iterator[bytes]: ...

    def aiter_bytes(self) -> AsyncIterator[bytes]: ...


def blocks_of(response: Response) -> Iterator[bytes]:
    """Raises TransientError where the connection is cut."""
    blocks = response.iter_bytes()
    while True:
        with _translated_cuts():
            block = next(blocks, None)
        if block is None:
            return
        yield block


async def async_blocks_of(response: Response) -> AsyncIterator[bytes]:
    """Raises TransientError where the connection is cut."""
    blocks = response.aiter_bytes()
    while True:
        with _translated_cuts():
            block = await anext(blocks, None)
        if block is None:
            return
        yield block


async def read_to_end(blocks: AsyncIterator[bytes]) -> None:
    """Of a response whose answer has come: only then can its connection be used again. A server may not let it end."""
    with suppress(asyncio.TimeoutError, TransientError):
        await asyncio.wait_for(_skipped(blocks), LONGEST_GOODBYE_SECONDS)


async def _skipped(blocks: AsyncIterator[bytes]) -> None:
    async for _ in blocks:
        pass


@contextmanager
def _translated_cuts() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001  # openai names them only where it reads the events itself
        if is_late(error):
            raise TransientError("timeout", LATE) from None
        raise TransientError("connection", "The connection was cut in mid-answer.") from None
