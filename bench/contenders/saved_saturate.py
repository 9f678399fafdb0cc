"""saturate: `pump` into a folder of parquet files, which a second run takes up."""

from pathlib import Path
from typing import Any

import pyarrow.parquet
from bench.workload import CONCURRENCY, LLM_ID, MAX_TOKENS, TEMPERATURE, Job, contend, messages
from saturate import Fixed, pump


def to_request(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "model": LLM_ID,
        "messages": messages(row["row"]),
        "temperature": TEMPERATURE,
        "max_tokens": MAX_TOKENS,
    }


def parse(row: dict[str, Any], response: dict[str, Any]) -> dict[str, Any]:
    return {"row": row["row"], "text": response["choices"][0]["message"]["content"]}


def answer_all(job: Job) -> None:
    pump(
        ({"row": row} for row in range(job.rows)),
        to_request,
        parse,
        job.base_url.rstrip("/"),
        "saved",
        window=Fixed(CONCURRENCY),
        id_key="row",
        signal_source="none",
    )
    for part in Path("saved").glob("part-*.parquet"):
        for answer in pyarrow.parquet.read_table(part, columns=["row", "text"]).to_pylist():
            job.take(answer["row"], answer["text"])


if __name__ == "__main__":
    contend(answer_all)
