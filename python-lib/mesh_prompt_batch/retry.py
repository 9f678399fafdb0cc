"""The only retry layer: when a call is made again, and after how long."""

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from mesh_prompt_batch.completion import Call, CompletionRequest, Failure, Outcome
from mesh_prompt_batch.errors import CleanStopError, LlmError, RequestError, TransientError
from mesh_prompt_batch.usage import NOTHING_REPORTED

# More than any longest delay needs, and few enough for a float.
MOST_DOUBLINGS = 32


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Durations in seconds."""

    max_retries: int = 6
    max_wait: float = 600.0
    first_delay: float = 0.5
    max_delay: float = 60.0
    # Where a failure does not count, as all rows are refused: whoever comes first finds out whether that is over.
    max_shared_delay: float = 15.0

    def wait_after(
        self, error: TransientError, attempt: int, jitter: float, made: int = 1
    ) -> float | None:
        """How long to wait before the next attempt; None when this row has had its attempts.

        `attempt` is the number of attempts that count so far, `made` that of all; `jitter` is in [0, 1). Raises
        CleanStopError when the server asks for a longer pause than the user allows.
        """
        if error.retry_after is not None and error.retry_after > self.max_wait:
            raise CleanStopError(
                f"The provider asks for a pause of {error.retry_after:.0f} s, longer than"
                f" 'Longest wait (seconds)' allows ({self.max_wait:g}): run again later, or allow more."
            )
        if attempt > self.max_retries:
            return None
        doublings = min(max(attempt, made) - 1, MOST_DOUBLINGS)
        longest = self.max_delay if error.counts else self.max_shared_delay
        backoff = min(self.first_delay * 2.0**doublings, longest)
        # Half of the backoff is fixed, so a retry never comes at once; the other half keeps workers apart.
        spread = backoff * (1.0 + jitter) / 2.0
        if error.retry_after is None:
            return spread
        # The server's figure is a lower bound: workers that returned before it would be refused again.
        return error.retry_after + min(spread, 1.0) * jitter


async def complete_with_retries(
    call: Call,
    request: CompletionRequest,
    policy: RetryPolicy,
    sleep: Callable[[float], Awaitable[None]],
    jitter: Callable[[], float],
) -> Outcome:
    """The row's outcome, as a value. LimitReachedError and RunStoppedError pass through: they are the run's."""
    used, counted, made = NOTHING_REPORTED, 0, 0
    while True:
        try:
            completion = await call(request)
        except TransientError as error:
            used += error.usage
            counted += error.counts
            made += error.calls
            wait = policy.wait_after(error, counted, jitter(), made)
            if wait is None:
                return Failure.of(error, made, used)
            await sleep(wait)
        except (RequestError, LlmError) as error:
            return Failure.of(error, made + error.calls, used + error.usage)
        else:
            attempts, usage = made + completion.attempts, used + completion.usage
            return replace(completion, attempts=attempts, usage=usage) if made else completion


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds the server asks to wait: `retry-after-ms`, or `Retry-After` as seconds or as an HTTP date (RFC 9110)."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        seconds = _number(text, unit) if text else None
        if seconds is not None:
            return seconds
    return _until(headers.get("retry-after", ""), now or datetime.now(timezone.utc))


def _number(text: str, unit: float) -> float | None:
    try:
        seconds = float(text) / unit
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _until(text: str, now: datetime) -> float | None:
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=timezone.utc)
    return max(0.0, (date - now).total_seconds())
