"""The lines that tell a run's story in the job log."""

from mesh_prompt_batch.eta import Eta, duration
from mesh_prompt_batch.money import about
from mesh_prompt_batch.totals import Totals


class Progress:
    """Where the run stands, a line at a time."""

    def __init__(self, totals: Totals) -> None:
        self._totals = totals
        self._eta = Eta()

    def line(self, calls: int, bound: str = "") -> str:
        """`calls` are in flight; `bound`: what keeps more from starting, "" where nothing does."""
        totals = self._totals
        self._eta.told(totals.seconds, totals.decided)
        of = f"/{totals.rows:,}" if totals.all_read else ""
        in_flight = f"{calls} calls in flight"
        parts = [
            f"{totals.settled:,}{of} rows",
            f"{_speed(totals):.1f} rows/s",
            *self._left(),
            f"{totals.failed:,} failed",
            *totals.spent.described(),
            *_cost_in_all(totals),
            f"{in_flight}, bound by {bound}" if bound else in_flight,
        ]
        return ", ".join(parts)

    def _left(self) -> list[str]:
        totals = self._totals
        left = self._eta.left(totals.rows - totals.settled) if totals.all_read else None
        if left is None:
            return []
        low, high = map(duration, left)
        return [f"{low} left" if low == high else f"{low} to {high} left"]


def closing_lines(totals: Totals) -> list[str]:
    """The digest of errors and the totals, one line each."""
    lines = [f"Failed rows, {line}" for line in totals.digest()]
    parts = [
        f"{totals.completed:,} rows answered",
        f"{totals.failed:,} failed",
        f"{totals.attempts:,} calls",
        *totals.spent.described(),
        *totals.spent.per_thousand(totals.decided),
        f"{duration(totals.seconds)} of calls",
        f"{_speed(totals):.1f} rows/s",
    ]
    lines.append(f"Total: {', '.join(parts)}")
    if totals.resumed or totals.identical:
        lines.append(
            f"Without a call: {totals.resumed:,} rows resumed from earlier runs, {totals.identical:,} copied from"
            " identical rows"
        )
    silent = totals.calls_without_usage
    if silent.answered or silent.failed:
        lines.append(
            f"Without token counts, so not in the totals: {silent.answered:,} answered and {silent.failed:,} failed"
            " calls."
        )
    return lines


def _speed(totals: Totals) -> float:
    return totals.decided / totals.seconds if totals.seconds > 0 else 0.0


def _cost_in_all(totals: Totals) -> list[str]:
    """What all rows will cost if they go on as they began."""
    cost = totals.spent.cost
    if cost is None or not totals.all_read or not 0 < totals.decided < totals.to_ask:
        return []
    return [f"about {about(cost * totals.to_ask / totals.decided)} in all"]
