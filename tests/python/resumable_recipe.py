"""One recipe in memory that runs again and again on one run folder."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fakes import FakeCalls, FakeFolder, FakeSource, FakeTarget
from mesh_prompt_batch.batch import complete_dataset
from mesh_prompt_batch.errors import LlmError
from mesh_prompt_batch.run_folder import RunFolder
from mesh_prompt_batch.run_parts import Workplace
from mesh_prompt_batch.settings import Settings
from mesh_prompt_batch.totals import Totals

STATE = "P.answers/whole/state.json"


@dataclass
class Recipe:
    """One recipe that runs again and again on one run folder."""

    directory: Path
    folder: FakeFolder = field(default_factory=FakeFolder)
    target: FakeTarget = field(default_factory=FakeTarget)
    partition: str = ""
    slept: list[float] = field(default_factory=list)

    def run(
        self, questions: list[str], rule: Any = str, **config: object
    ) -> tuple[Totals, FakeCalls]:
        calls = rule if isinstance(rule, FakeCalls) else FakeCalls(rule)
        settings = Settings.from_config(
            {"llm_id": "llm", "user_column": "q", "output_columns": "full", **config}, {}
        )
        source = FakeSource(["q"], [(it,) for it in questions], 7)
        place = Workplace(self.directory, self.open_folder, self.slept.append)
        return complete_dataset(source, self.target, settings, lambda: calls, place), calls

    def open_folder(self) -> RunFolder:
        return RunFolder(self.folder, ("P.answers", self.partition), self.slept.append)

    def state(self) -> dict[str, Any]:
        return json.loads(self.folder.objects[STATE])  # type: ignore[no-any-return]

    def answers(self) -> list[str]:
        return [name for name in self.folder.objects if "/answers/" in name]


def stopping_at(question: str) -> Callable[[str], str | Exception]:
    return lambda asked: LlmError("quota", "") if asked == question else asked
