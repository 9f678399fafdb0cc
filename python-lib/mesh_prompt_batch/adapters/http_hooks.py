"""What is done to a request before it is sent, and to a response before it is read."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import aclosing
from typing import Protocol

from mesh_prompt_batch.errors import RequestError

# Unpacked: few bytes can stand for more than there is memory. So many hold some four million tokens.
MOST_BYTES = 16 * 1024 * 1024
TOO_LONG = f"The answer is longer than {MOST_BYTES >> 20} MiB and read no further."
_MOST_DIGITS = len(str(MOST_BYTES))


class Request(Protocol):
    """What is needed of the HTTP layer's request, whose types change with openai's majors."""

    @property
    def headers(self) -> MutableMapping[str, str]: ...


class Response(Protocol):
    """… and of its response."""

    headers: Mapping[str, str]
    aread: Callable[[], Awaitable[bytes]]
    aiter_bytes: Callable[[], AsyncGenerator[bytes, None]]


def drop_authorization(request: Request) -> None:
    request.headers.pop("authorization", None)


async def bound_body(response: Response) -> None:
    """Has `aread` raise RequestError beyond MOST_BYTES; what is read piece by piece has bounds of its own."""
    length = response.headers.get("content-length", "")
    # HTTP sees to it that what is not packed is as long as was said.
    if "content-encoding" in response.headers or not _is_short(length):
        response.aread = _bounded(response)


def _is_short(length: str) -> bool:
    return length.isdecimal() and len(length) <= _MOST_DIGITS and int(length) <= MOST_BYTES


def _bounded(response: Response) -> Callable[[], Awaitable[bytes]]:
    read, pieces = response.aread, response.aiter_bytes

    async def counted() -> AsyncGenerator[bytes, None]:
        size = 0
        async with aclosing(pieces()) as unpacked:
            async for piece in unpacked:
                size += len(piece)
                if size > MOST_BYTES:
                    raise RequestError("server", TOO_LONG)
                yield piece

    async def bounded() -> bytes:
        response.aiter_bytes = counted
        try:
            return await read()
        finally:
            # It would hold itself, until garbage is collected.
            del response.aread, response.aiter_bytes

    return bounded
