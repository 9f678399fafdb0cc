"""The datasets that a run writes: the completions, then the failed rows where the recipe has a place for them."""

from dataclasses import dataclass

from mesh_prompt_batch.failed_rows import FailedRowsPlan
from mesh_prompt_batch.output import OutputPlan
from mesh_prompt_batch.writing import Content, DecidedRows, Target, written


@dataclass(frozen=True, slots=True)
class Outputs:
    """`failed_rows` is None where the recipe has no such output."""

    plan: OutputPlan
    completions: Target
    failed_plan: FailedRowsPlan
    failed_rows: Target | None = None

    @property
    def appends(self) -> bool:
        """Whether to write again would double rows."""
        return self.completions.appends or bool(self.failed_rows and self.failed_rows.appends)

    def check(self) -> None:
        """Raises SettingsError where one of them cannot be written to; touches nothing."""
        self.completions.check(self.plan.schema)
        if self.failed_rows is not None:
            self.failed_rows.check(self.failed_plan.schema)

    def completions_written(self, rows: DecidedRows, expected: int) -> bool:
        """Whether all `expected` rows were taken; as `written` does."""
        content = Content("output", self.plan.schema, lambda: rows, expected)
        return written(self.completions, content)

    def failed_rows_written(self, rows: DecidedRows) -> bool:
        """To be called when the completions are written; as `written` does."""
        if self.failed_rows is None:
            return True
        plan = self.failed_plan
        failed = Content("failed rows", plan.schema, lambda: rows.failed(plan), rows.tally.failed)
        return written(self.failed_rows, failed)
