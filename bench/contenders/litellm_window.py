"""LiteLLM's `acompletion` in a window of workers."""

import asyncio

import litellm
from bench.workload import LLM_ID, MAX_TOKENS, TEMPERATURE, Job, ask_rows, contend, messages


async def answer_all(job: Job) -> None:
    async def ask(row: int) -> object:
        answer = await litellm.acompletion(
            model=f"openai/{LLM_ID}",
            messages=messages(row),
            api_base=job.base_url,
            api_key="bench",
            max_retries=0,
            temperature=TEMPERATURE,
            max_tokens=MAX_TOKENS,
        )
        return answer.choices[0].message.content

    await ask_rows(job, ask)


if __name__ == "__main__":
    contend(lambda job: asyncio.run(answer_all(job)))
