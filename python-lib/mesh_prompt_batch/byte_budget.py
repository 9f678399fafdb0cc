"""So many bytes in flight at once, first come, first served."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


class ByteBudget:
    """Used on one event loop."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0
        self._first = asyncio.Lock()
        self._freed = asyncio.Event()

    @contextlib.asynccontextmanager
    async def held(self, wanted: int) -> AsyncIterator[None]:
        """Waits until they are free; who wants more than there are goes alone."""
        size = min(wanted, self._most)
        async with self._first:
            while self._held + size > self._most:
                self._freed.clear()
                await self._freed.wait()
            self._held += size
        try:
            yield
        finally:
            self._held -= size
            self._freed.set()
