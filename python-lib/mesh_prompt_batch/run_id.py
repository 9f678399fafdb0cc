"""The name of a run, in its log and beside its failed rows."""

import uuid
from datetime import datetime, timezone


def new_run_id() -> str:
    """Later runs sort behind earlier ones: its start in UTC, and what tells it from runs of the same second."""
    return f"{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}"
