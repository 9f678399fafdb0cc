"""A recipe in memory, to be asked outside a run."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from fakes import FakeCalls, FakeSource
from mesh_prompt_batch.inquiry import Inquiry
from mesh_prompt_batch.run_parts import Workplace
from mesh_prompt_batch.settings import Settings


class Input(FakeSource):
    """A dataset that DSS has counted, or not; `is_open` while it is read."""

    counted: int | None = None
    is_open: bool = False

    def chunks(self, columns: Sequence[str]) -> Iterator[list[tuple[str, ...]]]:
        self.is_open = True
        try:
            yield from super().chunks(columns)
        finally:
            self.is_open = False

    def random_rows(self, columns: Sequence[str], number: int) -> list[tuple[str, ...]]:
        rows = [row for chunk in self.chunks(columns) for row in chunk]
        return rows[::-1][:number]

    def last_row_count(self) -> int | None:
        return self.counted


def inquiry(
    directory: Path, calls: FakeCalls, rows: Sequence[Sequence[str]] = (), **config: object
) -> Inquiry:
    config = {"llm_id": "llm", "user_column": "q", "max_retries": 0, **config}
    settings = Settings.from_config(config, {})
    source = Input(["id", "q"], rows)
    return Inquiry("ask", source, settings, lambda: calls, Workplace(directory))
