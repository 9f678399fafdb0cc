"""The run's counts: what the progress line, the limits on failures and the last lines of the log speak of."""

from collections import Counter
from dataclasses import dataclass, field

from mesh_prompt_batch.completion import Completion, Failure, Outcome
from mesh_prompt_batch.course import Course
from mesh_prompt_batch.errors import RunStoppedError
from mesh_prompt_batch.run_settings import FailureLimits
from mesh_prompt_batch.spent import Spent
from mesh_prompt_batch.timeline import Sample

ROWS_BEFORE_JUDGING = 100


@dataclass(slots=True)
class CallsWithoutUsage:
    """Calls that came back without token counts: what they cost is in no total."""

    answered: int = 0
    failed: int = 0


@dataclass(slots=True)
class Totals:
    """`rows` counts what was read so far; `all_read` says whether that is all there is.

    `resumed` and `identical` rows need no call: an earlier run answered them, or they ask what an earlier row asks.
    All other counts are of the rows that this run asks. `stopped_by`: the sentence of the limit that ended the run,
    where what is answered is published.
    """

    rows: int = 0
    all_read: bool = False
    resumed: int = 0
    identical: int = 0
    completed: int = 0
    failed: int = 0
    attempts: int = 0
    spent: Spent = field(default_factory=Spent)
    calls_without_usage: CallsWithoutUsage = field(default_factory=CallsWithoutUsage)
    failures: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    first_call: float | None = None
    last_outcome: float | None = None
    stopped_by: str = ""
    course: Course = field(default_factory=Course)

    def call_started(self, now: float) -> None:
        """`now` in seconds of any clock that only moves forward."""
        if self.first_call is None:
            self.first_call = now

    def call_ended(self, now: float) -> None:
        self.last_outcome = now

    def sampled(self, now: float, sample: Sample) -> None:
        """Told about once a second while calls go on."""
        if self.first_call is not None:
            self.course.sampled(now - self.first_call, sample)

    @property
    def seconds(self) -> float:
        """From the first call to the last outcome so far."""
        if self.first_call is None or self.last_outcome is None:
            return 0.0
        return self.last_outcome - self.first_call

    @property
    def decided(self) -> int:
        """By calls of this run, or without one where a row cannot be asked."""
        return self.completed + self.failed

    @property
    def to_ask(self) -> int:
        """Rows read so far that need a call."""
        return self.rows - self.resumed - self.identical

    @property
    def settled(self) -> int:
        """Rows that need no call any more."""
        return self.decided + self.resumed + self.identical

    def add(self, row_number: int, outcome: Outcome) -> None:
        self.attempts += outcome.attempts
        self.course.decided(self.seconds, row_number, outcome)
        self.spent.add(outcome.usage, answered=isinstance(outcome, Completion))
        if isinstance(outcome, Completion):
            self.completed += 1
        else:
            self._add_failure(row_number, outcome)

    def _add_failure(self, row_number: int, failure: Failure) -> None:
        self.failed += 1
        self.failures[failure.error_type] += 1
        if failure.error_type not in self.examples:
            status = "" if failure.status is None else f"HTTP {failure.status}, "
            calls = "call" if failure.attempts == 1 else "calls"
            self.examples[failure.error_type] = (
                f"row {row_number}, {status}{failure.attempts} {calls}"
            )

    def digest(self) -> list[str]:
        """A line an error type: its count and one example, without a word of the provider's."""
        return [
            f"{error_type}: {count} (e.g. {self.examples[error_type]})"
            for error_type, count in self.failures.most_common()
        ]

    def so_far(self) -> str:
        """How far a run came that stopped."""
        of = f" of {self.rows}" if self.all_read else ""
        earlier = f" ({self.resumed} by earlier runs)" if self.resumed else ""
        answered = self.completed + self.resumed
        return f"{answered}{of} rows were answered{earlier}, {self.failed} failed"

    def unpublished(self) -> str:
        """For the end of a sentence that says why the run stopped and wrote nothing."""
        return f"{self.so_far()}; the output keeps what it held"

    def check(self, limits: FailureLimits) -> None:
        """Raises RunStoppedError where too many rows failed; to be called after every row."""
        if limits.stop_at_first and self.failed:
            raise RunStoppedError(
                f"A row failed ({self.digest()[0]}) and 'When a row fails' says to stop: {self.unpublished()}."
            )
        if self.decided >= ROWS_BEFORE_JUDGING:
            self._check_share(limits)

    def check_at_end(self, limits: FailureLimits) -> None:
        """Raises RunStoppedError where no row succeeded, or too many failed."""
        if self.rows and not self.completed and not self.resumed:
            raise RunStoppedError(
                f"No row was answered ({self.digest()[0]}): {self.failed} rows failed;"
                " the output keeps what it held."
            )
        self._check_share(limits)

    def _check_share(self, limits: FailureLimits) -> None:
        if self.decided and 100.0 * self.failed > limits.max_percent * self.decided:
            raise RunStoppedError(
                f"{self.failed} of {self.decided} rows failed ({self.digest()[0]}), more than"
                f" 'Most failed rows (percent)' allows ({limits.max_percent:g}): {self.unpublished()}."
            )
