"""LangChain's batch call: `ChatOpenAI.abatch` with `max_concurrency`."""

import asyncio

from bench.workload import CONCURRENCY, LLM_ID, MAX_TOKENS, TEMPERATURE, Job, contend, messages
from langchain_openai import ChatOpenAI


async def answer_all(job: Job) -> None:
    model = ChatOpenAI(
        model=LLM_ID,
        base_url=job.base_url,
        api_key="bench",
        max_retries=0,
        temperature=TEMPERATURE,
        max_tokens=MAX_TOKENS,
    )
    conversations = [messages(row) for row in range(job.rows)]
    answers = await model.abatch(conversations, config={"max_concurrency": CONCURRENCY})
    for row, answer in enumerate(answers):
        job.take(row, answer.content)


if __name__ == "__main__":
    contend(lambda job: asyncio.run(answer_all(job)))
