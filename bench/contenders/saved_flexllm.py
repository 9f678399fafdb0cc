"""flexllm: `chat_batch` with its JSON Lines file, which a second run takes up."""

import asyncio

from bench.workload import CONCURRENCY, LLM_ID, MAX_TOKENS, TEMPERATURE, Job, contend, messages
from flexllm import LLMClient

UNLIMITED = 10**6


async def answer_all(job: Job) -> None:
    client = LLMClient(
        base_url=job.base_url,
        model=LLM_ID,
        api_key="bench",
        concurrency_limit=CONCURRENCY,
        max_qps=UNLIMITED,
    )
    results = await client.chat_batch(
        [messages(row) for row in range(job.rows)],
        output_jsonl="saved.jsonl",
        show_progress=False,
        temperature=TEMPERATURE,
        max_tokens=MAX_TOKENS,
    )
    for row, result in enumerate(results):
        job.take(row, result.content)


if __name__ == "__main__":
    contend(lambda job: asyncio.run(answer_all(job)))
