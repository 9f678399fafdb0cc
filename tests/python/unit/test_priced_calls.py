"""Every call is priced by the LLM that it asks; those that do not tell are counted."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal

import pytest

from fakes import answered
from mesh_prompt_batch.completion import Completion, CompletionRequest
from mesh_prompt_batch.errors import RequestError, TransientError
from mesh_prompt_batch.priced_calls import priced_calls
from mesh_prompt_batch.prices import Price, Prices, no_list_price
from mesh_prompt_batch.retry import RetryPolicy, complete_with_retries
from mesh_prompt_batch.totals import CallsWithoutUsage, Totals
from mesh_prompt_batch.usage import NOTHING_REPORTED, Usage

Answer = Completion | Exception


def spoilt(usage: Usage) -> TransientError:
    error = TransientError("server", "words", status=500)
    error.usage = usage
    return error


def asked(*answers: Answer, llm_id: str = "llm") -> tuple[Usage, Totals]:
    """What a row used that met these answers, one after the other."""
    left = iter(answers)

    async def call(_: CompletionRequest) -> Completion:
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @contextlib.asynccontextmanager
    async def calls() -> AsyncIterator[Callable[[CompletionRequest], Awaitable[Completion]]]:
        yield call

    async def main() -> tuple[Usage, Totals]:
        totals = Totals()
        prices = Prices({"llm": Price(Decimal(1), Decimal(2))}, no_list_price)
        async with priced_calls(calls(), prices, totals) as priced:
            request = CompletionRequest(llm_id, ({"role": "user", "content": "q"},), {})
            policy = RetryPolicy(first_delay=0.0)
            outcome = await complete_with_retries(priced, request, policy, asyncio.sleep, float)
        return outcome.usage, totals

    return asyncio.run(main())


def test_a_row_costs_what_all_its_calls_cost() -> None:
    used, totals = asked(spoilt(Usage(5, 0)), answered("yes"))
    assert used == Usage(7, 1, Decimal("0.000009"))
    assert totals.calls_without_usage == CallsWithoutUsage()
    assert asked(RequestError("truncated", "w", usage=Usage(1, 1)))[0].cost == Decimal("0.000003")


def test_calls_that_tell_no_tokens_add_nothing_and_are_counted() -> None:
    used, totals = asked(spoilt(NOTHING_REPORTED), answered("yes"))
    assert used == Usage(2, 1, Decimal("0.000004"))
    assert totals.calls_without_usage == CallsWithoutUsage(answered=0, failed=1)
    silent = Completion("yes", "stop", NOTHING_REPORTED, "llm", 0.1)
    used, totals = asked(silent)
    assert used == NOTHING_REPORTED
    assert totals.calls_without_usage == CallsWithoutUsage(answered=1, failed=0)


@pytest.mark.parametrize("answer", [answered("yes"), RequestError("empty", "", usage=Usage(2, 1))])
def test_an_llm_without_a_price_costs_nobody_knows_what(answer: Answer) -> None:
    assert asked(answer, llm_id="other")[0] == Usage(2, 1)
