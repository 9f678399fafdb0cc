"""What a run's course remembers of rows and of moments."""

from hypothesis import given
from hypothesis import strategies as st

from mesh_prompt_batch.completion import Completion, Failure
from mesh_prompt_batch.course import MOST_SLOW_ROWS, Course
from mesh_prompt_batch.timeline import Sample
from mesh_prompt_batch.usage import Usage


def answer(seconds: float, attempts: int = 1) -> Completion:
    return Completion("canary", "stop", Usage(1, 7), "llm", seconds, attempts)


@given(st.lists(st.floats(0, 1000), max_size=40))
def test_the_slowest_rows_are_the_slowest(taken: list[float]) -> None:
    course = Course()
    for number, seconds in enumerate(taken, 1):
        course.decided(number, number, answer(seconds))
    slowest = course.slowest()
    assert [it.seconds for it in slowest] == sorted(taken, reverse=True)[:MOST_SLOW_ROWS]
    assert all(taken[it.number - 1] == it.seconds for it in slowest)


def test_rows_count_in_the_span_in_which_they_were_decided() -> None:
    course = Course()
    course.decided(0.0, 1, answer(0.5, attempts=3))
    course.decided(0.2, 2, Failure("server", "canary", 4))
    course.decided(0.2, 3, Failure("invalid_row", "canary"))
    first, second = course.timeline.spans
    assert (first.answered, first.repeated) == (1, 2)
    assert (second.failures, second.repeated) == ({"server": 1, "invalid_row": 1}, 3)
    assert course.latencies.count == 1


def test_samples_tell_what_is_new_since_the_last_one() -> None:
    course = Course()
    course.sampled(0.0, Sample(3, 4, pauses=2, retreats=1))
    course.sampled(0.2, Sample(1, 8, pauses=2, retreats=4, left_alone=1))
    first, second = course.timeline.spans
    assert (first.in_flight, first.allowed, first.pauses) == (3, 4, 2)
    assert (second.pauses, second.retreats, second.left_alone) == (0, 3, 1)


def test_samples_are_a_second_apart_once_spans_are_longer() -> None:
    course = Course()
    assert course.seconds_to_next_sample < 0.2
    course.sampled(10_000, Sample(1, 1))
    assert course.seconds_to_next_sample == 1.0
