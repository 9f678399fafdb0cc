"""Puts its cost on what every call used, and counts the calls that do not tell."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

from mesh_prompt_batch.completion import Call, Completion, CompletionRequest
from mesh_prompt_batch.errors import CallError
from mesh_prompt_batch.prices import Prices
from mesh_prompt_batch.totals import Totals


@asynccontextmanager
async def priced_calls(
    calls: AbstractAsyncContextManager[Call], prices: Prices, totals: Totals
) -> AsyncIterator[Call]:
    """`calls`, each priced by the LLM that was asked: below retries, so that a row may ask several."""
    async with calls as call:

        async def priced(request: CompletionRequest) -> Completion:
            try:
                completion = await call(request)
            except CallError as error:
                totals.calls_without_usage.failed += not error.usage.reported
                error.usage = prices.priced(request.llm_id, error.usage)
                raise
            totals.calls_without_usage.answered += not completion.usage.reported
            return replace(completion, usage=prices.priced(request.llm_id, completion.usage))

        yield priced
