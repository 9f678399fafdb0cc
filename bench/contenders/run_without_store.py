"""The recipe's own run without order, fingerprints and saved answers: rows wait nowhere, outcomes are dropped."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from bench.recipe_job import CONFIG
from bench.workload import CONCURRENCY, LLM_ID, SYSTEM, Job, contend, user_message

sys.path.append(str(Path(__file__).resolve().parents[2] / "python-lib"))
from mesh_prompt_batch.adapters.mesh_calls import MeshCalls
from mesh_prompt_batch.answering import Complete
from mesh_prompt_batch.completion import Completion, CompletionRequest
from mesh_prompt_batch.credentials import Accepted
from mesh_prompt_batch.endpoint import Endpoint
from mesh_prompt_batch.engine import Engine
from mesh_prompt_batch.messages import request_builder
from mesh_prompt_batch.priced_calls import priced_calls
from mesh_prompt_batch.prices import Prices, no_list_price
from mesh_prompt_batch.process import garbage_seldom_collected
from mesh_prompt_batch.run_parts import asking_of
from mesh_prompt_batch.run_store import RunStore
from mesh_prompt_batch.settings import Settings
from mesh_prompt_batch.totals import Totals


class Unkept:
    """The part of a run store that the engine reads rows from; nothing comes back, see `answering` below."""

    def __init__(self, rows: int) -> None:
        self._rows = rows

    def rows_to_ask(
        self, _lane: int, after: int, limit: int
    ) -> tuple[list[tuple[int, Sequence[str]]], int]:
        last = min(after + limit, self._rows)
        return [(row, (SYSTEM, user_message(row))) for row in range(after, last)], last


def answer_all(job: Job) -> None:
    settings = Settings.from_config(CONFIG, {})
    endpoint = Endpoint(job.base_url, "the benchmark's key", api_key="bench")
    calls = MeshCalls(
        lambda: Accepted(endpoint, frozenset({LLM_ID})),
        timeout_seconds=settings.run.timeout_seconds,
        max_connections=CONCURRENCY,
    )
    totals = Totals()

    async def answering(complete: Complete, request: CompletionRequest) -> None:
        outcome = await complete(request)
        row = int(str(request.messages[-1]["content"]).partition(";")[0].removeprefix("id="))
        if outcome is not None:
            totals.add(row, outcome)
            job.take(row, outcome.text if isinstance(outcome, Completion) else None)

    asking = replace(
        asking_of(
            settings,
            request_builder(settings, ["instructions", "review"]),
            priced_calls(calls, Prices({}, no_list_price), totals),
        ),
        answering=answering,
    )
    store = cast("RunStore", Unkept(job.rows))
    with garbage_seldom_collected(), Engine(asking, store, totals, lambda: None) as engine:
        engine.rows_added([LLM_ID], all_added=True)
        engine.wait()


if __name__ == "__main__":
    contend(answer_all)
