"""The sliding window."""

import asyncio
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import forever
from mesh_prompt_batch.window import run_window


class Jobs:
    """Jobs are how many turns of the loop they take; a negative one fails."""

    def __init__(self, turns: list[int]) -> None:
        self.left = deque(enumerate(turns))
        self.done: list[int] = []
        self.running = 0
        self.most = 0

    async def take(self) -> tuple[int, int] | None:
        return self.left.popleft() if self.left else None

    async def work(self, job: tuple[int, int]) -> None:
        number, turns = job
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            for _ in range(abs(turns)):
                await asyncio.sleep(0)
            if turns < 0:
                raise ValueError(number)
            self.done.append(number)
        finally:
            self.running -= 1


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(1, 8))
def test_every_job_is_done_once_and_never_more_than_the_size_at_once(
    turns: list[int], size: int
) -> None:
    jobs = Jobs(turns)
    asyncio.run(run_window(jobs.take, jobs.work, size))
    assert sorted(jobs.done) == list(range(len(turns)))
    assert jobs.most <= size


def test_one_slow_job_holds_up_nobody() -> None:
    jobs = Jobs([10_000, *[1] * 50])
    asyncio.run(run_window(jobs.take, jobs.work, 2))
    assert jobs.done == [*range(1, 51), 0]
    assert jobs.most == 2


@given(st.lists(st.integers(0, 5), max_size=10), st.lists(st.integers(0, 5), max_size=10))
def test_the_first_failure_cancels_the_others_and_leaves_no_task(
    before: list[int], after: list[int]
) -> None:
    jobs = Jobs([*before, -1, *after])

    async def main() -> None:
        with pytest.raises(ValueError, match=str(len(before))):
            await run_window(jobs.take, jobs.work, 4)
        assert jobs.running == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_cancelling_the_window_cancels_its_jobs() -> None:
    ended = []

    async def work(_: int) -> None:
        try:
            await forever()
        finally:
            ended.append(1)

    async def take() -> int:
        return 1

    async def main() -> None:
        run = asyncio.ensure_future(run_window(take, work, 3))
        for _ in range(3):
            await asyncio.sleep(0)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert len(ended) == 3

    asyncio.run(main())
