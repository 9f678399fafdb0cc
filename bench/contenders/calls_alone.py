"""The recipe's own calls, limiter and retries in a window, without store, order, fingerprints and output."""

import asyncio
import random
import sys
from pathlib import Path

from bench.workload import (
    CONCURRENCY,
    LLM_ID,
    MAX_TOKENS,
    TEMPERATURE,
    Job,
    ask_rows,
    contend,
    messages,
)

sys.path.append(str(Path(__file__).resolve().parents[2] / "python-lib"))
from mesh_prompt_batch.adapters.mesh_calls import MeshCalls
from mesh_prompt_batch.completion import Completion, CompletionRequest
from mesh_prompt_batch.credentials import Accepted
from mesh_prompt_batch.endpoint import Endpoint
from mesh_prompt_batch.gate import Gate
from mesh_prompt_batch.limiter import Limiter
from mesh_prompt_batch.own_limits import Limits, OwnLimits
from mesh_prompt_batch.retry import RetryPolicy, complete_with_retries
from mesh_prompt_batch.traffic import Traffic


async def answer_all(job: Job) -> None:
    endpoint = Endpoint(job.base_url, "the benchmark's key", api_key="bench")
    calls = MeshCalls(
        lambda: Accepted(endpoint, frozenset({LLM_ID})),
        timeout_seconds=300.0,
        max_connections=CONCURRENCY,
    )
    policy = RetryPolicy()
    async with calls as call:
        own = OwnLimits(Limits(CONCURRENCY, adaptive=False))
        traffic = Traffic(own, policy.max_wait, lambda: None)
        gate = Gate(call, Limiter(own), traffic)

        async def ask(row: int) -> object:
            request = CompletionRequest(
                LLM_ID,
                tuple(messages(row)),
                {"temperature": TEMPERATURE, "max_tokens": MAX_TOKENS},
            )
            outcome = await complete_with_retries(
                gate.call, request, policy, traffic.sleep, random.random
            )
            return outcome.text if isinstance(outcome, Completion) else None

        await ask_rows(job, ask)


if __name__ == "__main__":
    contend(lambda job: asyncio.run(answer_all(job)))
