"""Rows of different LLMs side by side: a lane each, so that none waits for the pauses of another."""

import asyncio
from collections.abc import Awaitable, Callable

from mesh_prompt_batch.feed import LAST_ROWS, READING, Feed, NumberedRow
from mesh_prompt_batch.run_store import RunStore
from mesh_prompt_batch.window import run_window

LANES_AT_ONCE = 64


class Lanes:
    """Used on one event loop. A lane holds at most `size` rows at a time; how many are asked is the gates' to say."""

    def __init__(self, store: RunStore, size: int) -> None:
        self._store = store
        self._size = size
        self._feeds: list[Feed] = []
        self._begun = 0
        self._all_added = self._closed = False
        self._added = asyncio.Event()

    def wake(self, lanes: int, *, all_added: bool) -> None:
        """To be called after rows were added to the store, with the number of lanes that there are."""
        self._all_added = self._all_added or all_added
        for lane in range(len(self._feeds), lanes):
            self._feeds.append(Feed(self._store, lane))
        for feed in self._feeds:
            feed.wake(all_added=self._all_added)
        self._added.set()

    def bound(self) -> str:
        """What keeps more rows from being taken; "" where nothing does."""
        bounds = {feed.bound() for feed in self._feeds}
        if "" in bounds:
            return ""
        return LAST_ROWS if bounds == {LAST_ROWS} else READING

    def close(self) -> None:
        """No row is taken any more."""
        self._closed = True
        self.wake(0, all_added=True)

    async def work_through(self, work: Callable[[NumberedRow], Awaitable[None]]) -> None:
        """Until all rows of all lanes are done. The first exception cancels the rest and is raised."""

        async def lane(feed: Feed) -> None:
            await run_window(lambda: self._row(feed), work, self._size)

        await run_window(self._next_feed, lane, LANES_AT_ONCE)

    async def _row(self, feed: Feed) -> NumberedRow | None:
        return None if self._closed else await feed.take()

    async def _next_feed(self) -> Feed | None:
        while self._begun == len(self._feeds):
            if self._all_added:
                return None
            self._added.clear()
            await self._added.wait()
        self._begun += 1
        return self._feeds[self._begun - 1]
