"""Waits for work so long and no longer, or for as long as it shows signs of life."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


async def within(seconds: float, work: Coroutine[Any, Any, Result]) -> Result:
    """Raises asyncio.TimeoutError, or CancelledError where the caller is cancelled; the work has ended then too."""
    if sys.version_info < (3, 11):
        return await asyncio.wait_for(work, seconds)
    # Before Python 3.12 `wait_for` makes one more task of each call.
    async with asyncio.timeout(seconds):
        return await work


async def while_alive(
    work: Coroutine[Any, Any, Result], last_sign: Callable[[], float], silence: float, whole: float
) -> Result:
    """`last_sign` as the loop's clock has it; `silence` after it, and `whole` in all, are the most seconds allowed.

    Raises asyncio.TimeoutError, or CancelledError where the caller is cancelled; the work has ended then too.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + whole
    task = asyncio.ensure_future(work)
    try:
        # The clock is looked at when a time-out is due, not at every sign.
        while not task.done():
            left = min(last_sign() + silence, end) - loop.time()
            if left <= 0:
                raise asyncio.TimeoutError
            await asyncio.wait({task}, timeout=left)
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
        if not task.cancelled():
            # Else asyncio complains of an error that nobody looked at.
            task.exception()
