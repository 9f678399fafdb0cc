"""The course of a run, for its report: what happened when, how long calls took, which rows were slowest.

A few microseconds a row, and the same memory for ten rows as for ten million.
"""

import heapq
from typing import NamedTuple

from mesh_prompt_batch.completion import Completion, Outcome
from mesh_prompt_batch.latency_histogram import LatencyHistogram
from mesh_prompt_batch.timeline import Sample, Timeline

MOST_SLOW_ROWS = 10
LONGEST_BETWEEN_SAMPLES = 1.0


class SlowRow(NamedTuple):
    """Sorted by how long the call took that answered the row."""

    seconds: float
    number: int
    calls: int
    completion_tokens: int | None


class Course:
    """Used by one thread at a time. Moments are seconds since the run's first call."""

    def __init__(self) -> None:
        self.timeline = Timeline()
        self.latencies = LatencyHistogram()
        self._slow: list[SlowRow] = []
        self._last = Sample(0, 0)

    @property
    def seconds_to_next_sample(self) -> float:
        return min(LONGEST_BETWEEN_SAMPLES, self.timeline.seconds_each)

    def slowest(self) -> list[SlowRow]:
        """The slowest first."""
        return sorted(self._slow, reverse=True)

    def decided(self, seconds: float, number: int, outcome: Outcome) -> None:
        span = self.timeline.at(seconds)
        span.repeated += max(0, outcome.attempts - 1)
        if not isinstance(outcome, Completion):
            span.failures[outcome.error_type] += 1
            return
        span.answered += 1
        taken = outcome.latency_seconds
        self.latencies.add(taken)
        if len(self._slow) < MOST_SLOW_ROWS or taken > self._slow[0].seconds:
            row = SlowRow(taken, number, outcome.attempts, outcome.usage.completion_tokens)
            if len(self._slow) < MOST_SLOW_ROWS:
                heapq.heappush(self._slow, row)
            else:
                heapq.heapreplace(self._slow, row)

    def sampled(self, seconds: float, sample: Sample) -> None:
        span, last = self.timeline.at(seconds), self._last
        span.samples += 1
        span.in_flight += sample.in_flight
        span.allowed += sample.allowed
        span.pauses += sample.pauses - last.pauses
        span.retreats += sample.retreats - last.retreats
        span.left_alone += sample.left_alone - last.left_alone
        self._last = sample
