"""The sliding window: so many jobs at once, and the next starts the moment one ends."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

Job = TypeVar("Job")


async def run_window(
    take: Callable[[], Awaitable[Job | None]], work: Callable[[Job], Awaitable[None]], size: int
) -> None:
    """Work on what `take` gives until it gives None, at most `size` jobs at once.

    The first exception of a job cancels the others and is raised when they have ended.
    """
    workers = [asyncio.ensure_future(_work(take, work)) for _ in range(size)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


async def _work(
    take: Callable[[], Awaitable[Job | None]], work: Callable[[Job], Awaitable[None]]
) -> None:
    while (job := await take()) is not None:
        await work(job)
