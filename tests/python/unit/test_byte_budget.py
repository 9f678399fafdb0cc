"""Bytes in flight: never more than allowed, first come, first served."""

import asyncio

import virtual_time
from hypothesis import given
from hypothesis import strategies as st

from mesh_prompt_batch.byte_budget import ByteBudget


class Flights:
    """Each holds its bytes for a while; notes the order and the most that was held at once."""

    def __init__(self, most: int) -> None:
        self.budget = ByteBudget(most)
        self.order: list[int] = []
        self.held = self.most_held = self.most_together = self.together = 0

    async def fly(self, number: int, size: int, seconds: float = 1.0) -> None:
        async with self.budget.held(size):
            self.order.append(number)
            self.held += size
            self.together += 1
            self.most_held = max(self.most_held, self.held)
            self.most_together = max(self.most_together, self.together)
            await asyncio.sleep(seconds)
            self.held -= size
            self.together -= 1


@given(st.lists(st.tuples(st.integers(0, 100), st.floats(0.1, 9)), min_size=1, max_size=30))
def test_never_more_bytes_than_allowed_and_in_the_order_of_asking(
    sizes: list[tuple[int, float]],
) -> None:
    async def main() -> Flights:
        flights = Flights(100)
        await asyncio.gather(*(flights.fly(n, *it) for n, it in enumerate(sizes)))
        return flights

    flights, _ = virtual_time.run(main())
    assert flights.most_held <= 100
    assert flights.order == list(range(len(sizes)))


def test_as_many_as_fit_go_together() -> None:
    async def main() -> Flights:
        flights = Flights(100)
        await asyncio.gather(*(flights.fly(n, 30) for n in range(6)))
        return flights

    flights, seconds = virtual_time.run(main())
    assert (flights.most_together, flights.most_held, seconds) == (3, 90, 2.0)


def test_one_that_is_larger_than_all_goes_alone() -> None:
    async def main() -> Flights:
        flights = Flights(100)
        await asyncio.gather(*(flights.fly(n, it) for n, it in enumerate((10, 1_000, 10))))
        return flights

    flights, seconds = virtual_time.run(main())
    assert (flights.order, flights.most_together, seconds) == ([0, 1, 2], 1, 3.0)


def test_bytes_come_back_from_those_who_fail_or_are_cancelled() -> None:
    async def main() -> list[int]:
        flights = Flights(100)
        tasks = [asyncio.ensure_future(flights.fly(n, 100, 60.0)) for n in range(3)]
        await asyncio.sleep(1)
        tasks[1].cancel()
        tasks[0].cancel()
        await asyncio.sleep(1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return flights.order

    assert virtual_time.run(main())[0] == [0, 2]
