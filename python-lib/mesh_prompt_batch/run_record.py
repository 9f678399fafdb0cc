"""A run in figures, as one line of the run history: no word of a prompt, an answer or a provider."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from decimal import Decimal, InvalidOperation
from typing import Any

from mesh_prompt_batch.money import MOST, per_thousand
from mesh_prompt_batch.prompt_digest import prompt_digest
from mesh_prompt_batch.totals import Totals

FORMAT = 1
# How a run ended: all rows decided and written; a limit stopped it and what was answered is published; it stopped with
# a sentence; it was told to end; something nobody foresaw.
COMPLETED, PUBLISHED, STOPPED, ABORTED, BROKEN = (
    "completed",
    "published incomplete",
    "stopped",
    "aborted",
    "broken",
)
LONGEST_SETTING = 200
_SHOWN_OF_A_LONG_ONE = 120
# No count or time of a real run is larger, and no time that is not 0 is smaller.
_MOST = MOST
_SHORTEST_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Moments are UTC in ISO 8601, costs exact decimals as text, "" where they are not known.

    `rows` were read; of these `answered` and `failed` by this run, `resumed` and `identical` without a call of their
    own. Tokens and cost are of this run's calls; `unpriced` rows used tokens at a cost that is not known.
    `seconds` lie between the first call and the last outcome; quantiles are of the calls that answered.
    """

    run_id: str
    started: str
    ended: str
    outcome: str
    sentence: str
    rows: int = 0
    answered: int = 0
    failed: int = 0
    resumed: int = 0
    identical: int = 0
    identical_failed: int = 0
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    unpriced: int = 0
    seconds: float = 0.0
    p50: float = 0.0
    p95: float = 0.0
    p99: float = 0.0
    cost: str = ""
    spend_limit: str = ""
    spent_of_limit: str = ""
    errors: Mapping[str, int] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def decided(self) -> int:
        return self.answered + self.failed

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    @property
    def rows_per_second(self) -> float:
        return self.decided / self.seconds if self.seconds > 0 else 0.0

    @property
    def failure_percent(self) -> float:
        """Of the rows that this run decided by calls."""
        return 100.0 * self.failed / self.decided if self.decided else 0.0

    @property
    def exact_cost(self) -> Decimal | None:
        return Decimal(self.cost) if self.cost else None

    @property
    def cost_per_thousand(self) -> Decimal | None:
        """Where the cost of all rows is known."""
        if self.exact_cost is None or self.unpriced or not self.decided:
            return None
        return per_thousand(self.exact_cost, self.decided)

    def changed_since(self, earlier: "RunRecord") -> list[str]:
        """Settings and versions that are not what they were, each as `name: before → now`."""
        before, now = ({**it.settings, **it.versions} for it in (earlier, self))
        names = dict.fromkeys((*now, *before))
        return [
            f"{name}: {before.get(name, 'none')} → {now.get(name, 'none')}"
            for name in names
            if before.get(name) != now.get(name)
        ]

    def to_line(self) -> str:
        """JSON without line breaks."""
        return json.dumps({"format": FORMAT, **asdict(self)}, separators=(",", ":"))

    @classmethod
    def from_line(cls, line: str) -> "RunRecord | None":
        """None where it is something else, or a newer plugin's."""
        try:
            told = json.loads(line)
            if told.pop("format") != FORMAT:
                return None
            record = cls(**told)
            return record if record._is_of_use() else None
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, InvalidOperation):
            return None

    def _is_of_use(self) -> bool:
        if not all(_is_of_kind(getattr(self, it.name), it.type) for it in fields(self)):
            return False
        texts = (*self.settings.values(), *self.versions.values())
        known = all(isinstance(it, str) for it in texts)
        costs = [Decimal(it) for it in (self.cost, self.spend_limit, self.spent_of_limit) if it]
        counts = all(type(it) is int for it in self.errors.values())
        timed = not 0 < self.seconds < _SHORTEST_SECONDS
        amounts = all(it.is_finite() and 0 <= it < _MOST for it in costs)
        return known and counts and timed and amounts


def _is_of_kind(value: object, kind: object) -> bool:
    if kind is str:
        return isinstance(value, str)
    if kind is int or kind is float:
        numbers = (int, float) if kind is float else (int,)
        return type(value) in numbers and 0 <= value < _MOST  # type: ignore[operator]  # a number, by the first half
    return isinstance(value, dict)


def counts_of(totals: Totals) -> dict[str, Any]:
    """The part of a record that the run's counts tell."""
    usage, latencies = totals.spent.usage, totals.course.latencies
    p50, p95, p99 = (latencies.quantile(it) or 0.0 for it in (0.50, 0.95, 0.99))
    # A run that made no call paid nothing: that much is known.
    cost = totals.spent.cost if totals.first_call is not None else Decimal(0)
    return {
        "rows": totals.rows,
        "answered": totals.completed,
        "failed": totals.failed,
        "resumed": totals.resumed,
        "identical": totals.identical,
        "calls": totals.attempts,
        "prompt_tokens": usage.prompt_tokens or 0,
        "completion_tokens": usage.completion_tokens or 0,
        "unpriced": totals.spent.unpriced,
        "seconds": round(totals.seconds, 3),
        "p50": round(p50, 4),
        "p95": round(p95, 4),
        "p99": round(p99, 4),
        "cost": "" if cost is None else str(cost),
        "errors": dict(totals.failures.most_common()),
    }


def settings_shown(settings: Mapping[str, object]) -> dict[str, str]:
    """Long ones, such as many columns, cut, with a digest that tells when they change."""
    return {name: _cut(str(value)) for name, value in settings.items()}


def _cut(text: str) -> str:
    if len(text) <= LONGEST_SETTING:
        return text
    return f"{text[:_SHOWN_OF_A_LONG_ONE]}… ({prompt_digest(text)})"
