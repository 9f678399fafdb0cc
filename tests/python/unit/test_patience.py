"""Work is waited for while it shows signs of life."""

import asyncio
from dataclasses import dataclass, field

import pytest
import virtual_time

from mesh_prompt_batch.patience import while_alive, within


@dataclass
class Work:
    """Gives a sign after each pause, then the sum."""

    pauses: list[float]
    signs: list[float] = field(default_factory=lambda: [0.0])
    ended: bool = False

    async def run(self) -> float:
        try:
            for pause in self.pauses:
                await asyncio.sleep(pause)
                self.signs.append(asyncio.get_running_loop().time())
            return sum(self.pauses)
        finally:
            await asyncio.sleep(0)
            self.ended = True

    async def waited_for(self, silence: float = 10.0, whole: float = 100.0) -> float:
        return await while_alive(self.run(), lambda: self.signs[-1], silence, whole)


def test_work_that_goes_on_is_waited_for() -> None:
    assert virtual_time.run(Work([9.0] * 5).waited_for()) == (45.0, 45.0)


@pytest.mark.parametrize(
    ("pauses", "silence", "after"),
    [([1.0, 2.0, 60.0], 10.0, 13.0), ([60.0], 10.0, 10.0), ([9.0] * 20, 10.0, 100.0)],
)
def test_silence_and_a_long_whole_end_it(pauses: list[float], silence: float, after: float) -> None:
    work = Work(pauses)

    async def late() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await work.waited_for(silence)
        assert work.ended

    assert virtual_time.run(late()) == (None, after)


def test_who_is_cancelled_leaves_no_work_behind() -> None:
    work = Work([50.0])

    async def cancelled() -> None:
        task = asyncio.ensure_future(work.waited_for(60.0))
        await asyncio.sleep(5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert work.ended

    assert virtual_time.run(cancelled()) == (None, 5.0)


def test_an_error_of_the_work_is_the_caller_s() -> None:
    async def broken() -> None:
        raise ValueError("no")

    async def caught() -> None:
        with pytest.raises(ValueError, match="no"):
            await while_alive(broken(), lambda: 0.0, 1.0, 10.0)

    virtual_time.run(caught())


def test_work_has_so_long_and_no_longer() -> None:
    work = Work([5.0])

    async def in_time() -> float:
        return await within(6.0, work.run())

    async def late() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await within(4.0, work.run())

    assert virtual_time.run(in_time()) == (5.0, 5.0)
    work.ended = False
    assert virtual_time.run(late()) == (None, 4.0)
    assert work.ended
