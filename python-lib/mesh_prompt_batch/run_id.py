"""The name of a run, in its log and beside its failed rows."""

import uuid
from datetime import datetime, timezone

# As part of a regular expression, without groups.
RUN_ID = r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}"
_START = "%Y%m%dT%H%M%SZ"


def new_run_id() -> str:
    """Later runs sort behind earlier ones: its start in UTC, and what tells it from runs of the same second."""
    return f"{datetime.now(timezone.utc):{_START}}-{uuid.uuid4().hex[:8]}"


def start_of(run_id: str) -> float:
    """In seconds since 1970. Raises ValueError where its digits are those of no moment."""
    start = datetime.strptime(run_id.partition("-")[0], _START).replace(tzinfo=timezone.utc)
    return start.timestamp()
