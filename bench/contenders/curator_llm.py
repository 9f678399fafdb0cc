"""Bespoke Curator: a subclass of `curator.LLM` over a list of rows, its cache off."""

import os
from importlib.util import find_spec
from pathlib import Path

from bench.workload import CONCURRENCY, LLM_ID, MAX_TOKENS, TEMPERATURE, Job, contend, messages
from bespokelabs import curator

UNLIMITED = 10**9


class Reviewer(curator.LLM):  # type: ignore[misc]  # an untyped library
    """Prompt and parse, as Curator wants them."""

    def prompt(self, input: dict[str, int]) -> list[dict[str, str]]:  # noqa: A002  # Curator's name
        return messages(input["row"])

    def parse(self, input: dict[str, int], response: str) -> dict[str, object]:  # noqa: A002
        return {"row": input["row"], "text": response}


def use_the_bundled_token_table() -> None:
    """Curator counts tokens before each call; LiteLLM, which it needs, ships the table that it would download."""
    spec = find_spec("litellm")
    if spec is not None and spec.origin is not None:
        tables = Path(spec.origin).parent / "litellm_core_utils" / "tokenizers"
        os.environ["TIKTOKEN_CACHE_DIR"] = str(tables)


def answer_all(job: Job) -> None:
    use_the_bundled_token_table()
    reviewer = Reviewer(
        model_name=LLM_ID,
        backend="openai",
        generation_params={"temperature": TEMPERATURE, "max_tokens": MAX_TOKENS},
        backend_params={
            "base_url": job.base_url,
            "api_key": "bench",
            "max_concurrent_requests": CONCURRENCY,
            "max_requests_per_minute": UNLIMITED,
            "max_tokens_per_minute": UNLIMITED,
        },
    )
    for answer in reviewer([{"row": row} for row in range(job.rows)]).dataset:
        job.take(answer["row"], answer["text"])


if __name__ == "__main__":
    contend(answer_all)
