"""When a call may start, whatever the calls before it ended in."""

import math

from hypothesis import given
from hypothesis import strategies as st

from mesh_prompt_batch.limiter import Limiter, Started
from mesh_prompt_batch.own_limits import Limits, OwnLimits

ENDS = ("answered", "row refused", "cancelled", "429", "429 with a pause", "500", "timeout")


def end(limiter: Limiter, how: str, now: float, call: Started, pause: float) -> None:
    if how == "answered":
        limiter.succeeded(now, call, 7)
    elif how == "row refused":
        limiter.refused_row()
    elif how == "cancelled":
        limiter.abandoned()
    elif how.startswith("429"):
        limiter.failed(now, call, "rate_limit", pause if "pause" in how else None)
    else:
        limiter.failed(now, call, "timeout" if how == "timeout" else "server", None)


@given(
    st.builds(
        Limits,
        st.integers(1, 6),
        st.booleans(),
        st.sampled_from([None, 6, 600]),
        st.sampled_from([None, 60, 6000]),
    ),
    st.lists(st.tuples(st.sampled_from(ENDS), st.floats(0, 20), st.floats(0, 60)), max_size=60),
)
def test_whatever_calls_end_in_none_starts_in_a_pause_or_beyond_the_most(
    limits: Limits, story: list[tuple[str, float, float]]
) -> None:
    own = OwnLimits(limits)
    limiter, now, paused_until = Limiter(own), 0.0, 0.0
    in_flight, starts = list[Started](), list[float]()
    for how, seconds_later, pause in story:
        while (delay := max(limiter.delay(now), own.delay(now))) == 0.0:
            assert now >= paused_until
            in_flight.append(limiter.start(now, 10))
            starts.append(now)
            assert limiter.in_flight == len(in_flight) <= limits.max_concurrency
            assert limiter.in_flight <= limiter.concurrency
        # Who waits for no call waits for a moment that comes.
        assert delay > 0
        assert in_flight or not math.isinf(delay)
        now += min(delay, seconds_later) if in_flight else delay
        if in_flight:
            end(limiter, how, now, in_flight.pop(0), pause)
            if how == "429 with a pause":
                paused_until = max(paused_until, now + pause)
        assert limiter.in_flight == own.in_flight == len(in_flight)
    if limits.requests_per_minute == 6:
        assert all(sum(one <= it < one + 59.9 for it in starts) <= 7 for one in starts)
