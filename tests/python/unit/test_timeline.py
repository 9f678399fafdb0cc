"""Spans of time: whatever merges, nothing is lost and size stays the same."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from mesh_prompt_batch.timeline import FIRST_SECONDS_EACH, MOST_SPANS, Timeline

ERRORS = st.sampled_from(["server", "timeout", ""])
EVENTS = st.lists(st.tuples(st.floats(0, 10**6), ERRORS), max_size=80)


@given(EVENTS)
def test_merging_keeps_every_event_and_its_place_in_time(events: list[tuple[float, str]]) -> None:
    timeline = Timeline()
    for seconds, error in events:
        span = timeline.at(seconds)
        if error:
            span.failures[error] += 1
        else:
            span.answered += 1
        span.pauses += 1
    total = timeline.total()
    assert total.failures == Counter(error for _, error in events if error)
    assert (total.answered + total.failed, total.pauses) == (len(events), len(events))
    assert len(timeline.spans) <= MOST_SPANS
    each = timeline.seconds_each
    places = Counter(int(seconds / each) for seconds, _ in events)
    assert [it.pauses for it in timeline.spans] == [
        places[place] for place in range(len(timeline.spans))
    ]


def test_spans_are_as_short_as_their_number_allows() -> None:
    timeline = Timeline()
    timeline.at(MOST_SPANS * FIRST_SECONDS_EACH - 0.001)
    assert timeline.seconds_each == FIRST_SECONDS_EACH
    timeline.at(MOST_SPANS * FIRST_SECONDS_EACH)
    assert timeline.seconds_each == 2 * FIRST_SECONDS_EACH
    timeline.at(-1.0).answered += 1
    assert timeline.spans[0].answered == 1
