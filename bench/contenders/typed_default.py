"""Typed `chat.completions.create`, async, on the default transport: what most people write."""

import asyncio

from bench.workload import LLM_ID, MAX_TOKENS, TEMPERATURE, Job, ask_rows, contend, messages
from openai import AsyncOpenAI


async def answer_all(job: Job) -> None:
    async with AsyncOpenAI(base_url=job.base_url, api_key="bench", max_retries=0) as client:

        async def ask(row: int) -> object:
            answer = await client.chat.completions.create(
                model=LLM_ID,
                messages=messages(row),
                temperature=TEMPERATURE,
                max_tokens=MAX_TOKENS,
            )
            return answer.choices[0].message.content

        await ask_rows(job, ask)


if __name__ == "__main__":
    contend(lambda job: asyncio.run(answer_all(job)))
