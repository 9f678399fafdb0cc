"""Typed `chat.completions.create` of the synchronous client, one thread a call in flight."""

from concurrent.futures import ThreadPoolExecutor

from bench.workload import CONCURRENCY, LLM_ID, MAX_TOKENS, TEMPERATURE, Job, contend, messages
from openai import OpenAI


def answer_all(job: Job) -> None:
    with (
        OpenAI(base_url=job.base_url, api_key="bench", max_retries=0) as client,
        ThreadPoolExecutor(CONCURRENCY) as pool,
    ):

        def ask(row: int) -> object:
            answer = client.chat.completions.create(
                model=LLM_ID,
                messages=messages(row),
                temperature=TEMPERATURE,
                max_tokens=MAX_TOKENS,
            )
            return answer.choices[0].message.content

        for row, text in enumerate(pool.map(ask, range(job.rows))):
            job.take(row, text)


if __name__ == "__main__":
    contend(answer_all)
