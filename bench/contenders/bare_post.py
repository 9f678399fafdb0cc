"""The yardstick: `client.post` on the aiohttp transport in a window of workers, and nothing around it."""

import asyncio
from typing import Any, cast

from bench.workload import LLM_ID, MAX_TOKENS, TEMPERATURE, Job, ask_rows, contend, messages
from openai import AsyncOpenAI, DefaultAioHttpClient


async def answer_all(job: Job) -> None:
    http_client = DefaultAioHttpClient()
    async with AsyncOpenAI(
        base_url=job.base_url, api_key="bench", max_retries=0, http_client=http_client
    ) as client:

        async def ask(row: int) -> object:
            body = {
                "model": LLM_ID,
                "messages": messages(row),
                "temperature": TEMPERATURE,
                "max_tokens": MAX_TOKENS,
            }
            answer = await client.post("/chat/completions", body=body, cast_to=object)
            return cast("dict[str, Any]", answer)["choices"][0]["message"]["content"]

        await ask_rows(job, ask)


if __name__ == "__main__":
    contend(lambda job: asyncio.run(answer_all(job)))
