"""The lines that tell a run's story in the job log."""

from mesh_prompt_batch.totals import Totals


def progress_line(totals: Totals) -> str:
    """Where the run stands."""
    speed = _speed(totals)
    of = f"/{totals.rows:,}" if totals.all_read else ""
    parts = [
        f"{totals.settled:,}{of} rows",
        f"{speed:.1f} rows/s",
        f"{totals.failed:,} failed",
        _tokens(totals),
        f"{totals.in_flight} calls in flight",
    ]
    if totals.all_read and speed > 0 and totals.settled < totals.rows:
        parts.append(f"{duration((totals.rows - totals.settled) / speed)} left")
    return ", ".join(parts)


def closing_lines(totals: Totals) -> list[str]:
    """The digest of errors and the totals, one line each."""
    lines = [f"Failed rows, {line}" for line in totals.digest()]
    lines.append(
        f"Total: {totals.completed:,} rows answered, {totals.failed:,} failed, {totals.attempts:,} calls,"
        f" {_tokens(totals)}, {duration(totals.seconds)} of calls, {_speed(totals):.1f} rows/s"
    )
    if totals.resumed or totals.identical:
        lines.append(
            f"Without a call: {totals.resumed:,} rows resumed from earlier runs, {totals.identical:,} copied from"
            " identical rows"
        )
    if totals.without_usage:
        lines.append(
            f"{totals.without_usage:,} answers came without token counts: they are not in the totals."
        )
    return lines


def duration(seconds: float) -> str:
    """Seconds as people write them: 42.0 s, 3 min 20 s, 5 h 02 min."""
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def _speed(totals: Totals) -> float:
    return totals.decided / totals.seconds if totals.seconds > 0 else 0.0


def _tokens(totals: Totals) -> str:
    prompt, completion = totals.usage.prompt_tokens, totals.usage.completion_tokens
    if prompt is None and completion is None:
        return "tokens unknown"
    return f"{prompt or 0:,} + {completion or 0:,} tokens"
