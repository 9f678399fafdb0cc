"""async-batch-llm: `process_prompts` with its JSON Lines store, which a second run takes up."""

import asyncio

from async_batch_llm import (
    ArtifactIdentity,
    JsonlArtifactStore,
    ProcessorConfig,
    ResumePolicy,
    llm,
    process_prompts,
)
from bench.workload import CONCURRENCY, LLM_ID, MAX_TOKENS, TEMPERATURE, Job, contend, messages


async def answer_all(job: Job) -> None:
    identity = ArtifactIdentity(provider="bench", model=LLM_ID)
    batch = await process_prompts(
        llm(
            f"openai-compatible:{LLM_ID}",
            base_url=job.base_url,
            api_key="bench",
            max_connections=CONCURRENCY,
            temperature=TEMPERATURE,
            generation_config={"max_tokens": MAX_TOKENS},
        ),
        [(str(row), messages(row)) for row in range(job.rows)],
        config=ProcessorConfig(concurrency=CONCURRENCY),
        artifact_store=JsonlArtifactStore("saved.jsonl", identity=identity),
        resume=ResumePolicy.REUSE_SUCCESSES,
        preserve_order=True,
    )
    for row, result in enumerate(batch.results):
        job.take(row, result.output)


if __name__ == "__main__":
    contend(lambda job: asyncio.run(answer_all(job)))
