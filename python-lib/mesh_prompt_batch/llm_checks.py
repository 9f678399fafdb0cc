"""Asks LLMs, some at a time, whether they answer."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from dataclasses import dataclass

CHECKS_AT_ONCE = 8
WHOLE_PROGRESS = 100


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether an LLM answered, in words, and after how many seconds where it did."""

    status: str
    answers: bool | None
    latency_seconds: float | None = None


NOT_CHECKED = Availability("not checked", answers=None)
NOT_ALLOWED = Availability("not allowed", answers=None)
MISSING = Availability("missing", answers=False)
Probe = Callable[[str], Availability]
OpenProbe = Callable[[], AbstractContextManager[Probe]]


def check(
    llm_ids: Sequence[str], open_probe: OpenProbe, progress: Callable[[int], None]
) -> dict[str, Availability]:
    """Ask each LLM once, some at a time; `progress` gets the share that is done, in percent."""
    found: dict[str, Availability] = {}
    if not llm_ids:
        return found
    with open_probe() as probe, ThreadPoolExecutor(CHECKS_AT_ONCE) as pool:
        asked = {pool.submit(probe, llm_id): llm_id for llm_id in llm_ids}
        for future in as_completed(asked):
            found[asked[future]] = future.result()
            progress(WHOLE_PROGRESS * len(found) // len(llm_ids))
    return found
