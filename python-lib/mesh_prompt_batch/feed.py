"""Between the window and the run store: rows out in input order, outcomes in by the hundred.

Both sides touch the disk in a thread, so the event loop never waits for it; a slow disk slows the window down
instead of filling memory.
"""

import asyncio
from collections import deque

from mesh_prompt_batch.run_store import Cells, RunStore

PAGE = 512
NumberedRow = tuple[int, list[str]]


class Feed:
    """Hands rows to the window while others are still being added. Used on the event loop alone."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._page: deque[NumberedRow] = deque()
        self._last = 0
        self._all_added = False
        self._added = asyncio.Event()
        self._turning = asyncio.Lock()

    def wake(self, *, all_added: bool) -> None:
        """To be called after rows were added to the store."""
        self._all_added = self._all_added or all_added
        self._added.set()

    async def take(self) -> NumberedRow | None:
        """The next row; None when all were taken and no more will come."""
        while not self._page:
            async with self._turning:
                if not self._page and not await self._turn_page():
                    return None
        return self._page.popleft()

    async def _turn_page(self) -> bool:
        while True:
            self._added.clear()
            # Read before the store is: what was added before it was true is then in the page.
            last_page = self._all_added
            page = await asyncio.to_thread(self._store.rows_after, self._last, PAGE)
            if page:
                self._page.extend(page)
                self._last = page[-1][0]
                return True
            if last_page:
                return False
            await self._added.wait()


class Recorder:
    """Puts outcomes into the store. Used on the event loop alone."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._pending: list[tuple[int, Cells]] = []
        self._writing = asyncio.Lock()

    async def put(self, number: int, cells: Cells) -> None:
        self._pending.append((number, cells))
        if len(self._pending) >= PAGE:
            await self.flush()

    async def flush(self) -> None:
        async with self._writing:
            batch, self._pending = self._pending, []
            if batch:
                await asyncio.to_thread(self._store.record, batch)
