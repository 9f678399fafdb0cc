"""A run from one dataset in memory to another, without a run folder."""

from pathlib import Path

from fakes import FakeCalls, FakeSource, FakeTarget
from mesh_prompt_batch.batch import complete_dataset
from mesh_prompt_batch.run_parts import Workplace
from mesh_prompt_batch.settings import Settings
from mesh_prompt_batch.totals import Totals

CANARY = "canary-2b91"


def source(*questions: str, chunk: int = 7) -> FakeSource:
    return FakeSource(["id", "q"], [(str(n), it) for n, it in enumerate(questions)], chunk)


def run(
    data: FakeSource, target: FakeTarget, calls: FakeCalls, directory: Path, **config: object
) -> Totals:
    settings = Settings.from_config({"llm_id": "llm", "user_column": "q", **config}, {})
    return complete_dataset(data, target, settings, lambda: calls, Workplace(directory))
