"""Between the window and the run store: rows out in input order, outcomes in by the hundred.

Both sides touch the disk in a thread, so the event loop never waits for it; a slow disk slows the window down
instead of filling memory.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable

from mesh_prompt_batch.run_store import RecordedOutcome, RunStore

PAGE = 512
FLUSH_SECONDS = 0.1
READING, LAST_ROWS = "reading the input", "the last rows"
NumberedRow = tuple[int, list[str]]


class Feed:
    """Hands the rows of a lane to its window while others are still being added. Used on the event loop alone."""

    def __init__(self, store: RunStore, lane: int = 0) -> None:
        self._store = store
        self._lane = lane
        self._page: deque[NumberedRow] = deque()
        self._last = 0
        self._all_added = False
        self._added = asyncio.Event()
        self._turning = asyncio.Lock()
        self._waits = self._ended = False

    def bound(self) -> str:
        """What keeps more rows from being taken; "" where nothing does."""
        return LAST_ROWS if self._ended else READING if self._waits else ""

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
            page, self._last = await asyncio.to_thread(
                self._store.rows_to_ask, self._lane, self._last, PAGE
            )
            if page:
                self._page.extend(page)
                return True
            if last_page:
                self._ended = True
                return False
            self._waits = True
            await self._added.wait()
            self._waits = False


class Recorder:
    """Puts outcomes into the store and calls `recorded`, by the hundred or after a moment.

    Used on the event loop; `flush_now` works after its end too.
    """

    def __init__(self, store: RunStore, recorded: Callable[[], None]) -> None:
        self._store = store
        self._recorded = recorded
        self._pending: list[RecordedOutcome] = []
        self._adding, self._writing = threading.Lock(), threading.Lock()

    def bound(self) -> str:
        """What keeps more outcomes from being taken; "" where nothing does."""
        return "the disk" if self._writing.locked() and len(self._pending) >= PAGE else ""

    async def put(self, outcome: RecordedOutcome) -> None:
        with self._adding:
            self._pending.append(outcome)
        if len(self._pending) >= PAGE:
            await self.flush()

    async def flush(self) -> None:
        # Cancelled before the thread has begun, it leaves all where `flush_now` finds it.
        await asyncio.to_thread(self.flush_now)

    async def flush_often(self) -> None:
        """Until it is cancelled: so that no answer waits long to be saved."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            if self._pending:
                await self.flush()

    def flush_now(self) -> None:
        with self._writing:
            with self._adding:
                batch, self._pending = self._pending, []
            if batch:
                self._store.record(batch)
                self._recorded()
