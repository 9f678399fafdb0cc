"""Few objects, however many are saved, and never a gap between them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_prompt_batch import part_list
from mesh_prompt_batch.part_list import Part, PartList


def saved(sizes: list[int]) -> PartList:
    parts, at = PartList(), 0
    for number, size in enumerate(sizes):
        parts.written.append(Part(f"p{number}", at, at + size))
        at += size
        while due := parts.due():
            parts.replace(due, f"m{number}-{due[0].level}")
    return parts


@given(st.lists(st.integers(1, 10), max_size=900))
def test_ranges_stay_whole_and_objects_few(sizes: list[int]) -> None:
    held = saved(sizes).written
    assert sum(it.end - it.start for it in held) == sum(sizes)
    assert all(one.end == other.start for one, other in zip(held, held[1:]))  # noqa: B905, RUF007  # pairs
    assert len(held) <= 3 * (part_list.FAN_IN - 1)


@given(st.integers(1, 60))
def test_merges_that_come_late_catch_up(saves_between: int) -> None:
    """They wait for spare moments, and more is saved meanwhile."""
    parts = PartList()
    for number in range(2_000):
        parts.written.append(Part(f"p{number}", number, number + 1))
        if number % saves_between == 0 and (due := parts.due()):
            parts.replace(due, f"m{number}")
    while due := parts.due():
        parts.replace(due, f"end-{due[0].name}")
    assert len(parts.written) <= 3 * (part_list.FAN_IN - 1)
    assert all(one.end == other.start for one, other in zip(parts.written, parts.written[1:]))  # noqa: B905  # pairs


def test_a_million_rows_are_fewer_than_two_hundred_objects() -> None:
    """10,000 saves of 100 rows, half a kilobyte each once compressed."""
    held = saved([50_000] * 10_000).written
    assert len(held) < 60
    assert max(it.end - it.start for it in held) <= part_list.MOST_BYTES


def test_objects_of_which_sixteen_are_too_large_for_one_are_merged_all_the_same() -> None:
    """70,000 saves of 3 kB: sixteen of 4,096 saves would be 216 MB."""
    held = saved([3_300] * 70_000).written
    sizes = [it.end - it.start for it in held]
    assert max(sizes) <= part_list.MOST_BYTES
    assert sum(it > 0.5 * part_list.MOST_BYTES for it in sizes) == 1
    assert len(held) <= 1 + 3 * (part_list.FAN_IN - 1)


def test_what_earlier_runs_left_is_merged_where_it_is_much_or_must_change() -> None:
    parts = PartList()
    parts.found = [Part(f"{n}", n, n + 1) for n in range(part_list.MOST_FOUND)]
    assert parts.groups_of_found(rewrite=False) == []
    (all_of_them,) = parts.groups_of_found(rewrite=True)
    assert all_of_them == parts.found
    big = Part("big", 32, 32 + part_list.MOST_BYTES)
    parts.found.append(big)
    assert [len(it) for it in parts.groups_of_found(rewrite=True)] == [32, 1]
    (small,) = parts.groups_of_found(rewrite=False)
    assert len(small) == 32
    parts.replace(small, "one")
    assert parts.found == [Part("one", 0, 32, level=1), big]


@given(st.lists(st.integers(1, 10), max_size=300), st.integers(1, 60))
def test_no_merge_is_larger_than_can_be_uploaded_in_a_moment(sizes: list[int], most: int) -> None:
    parts, at = PartList(), 0
    for number, size in enumerate(sizes):
        parts.written.append(Part(f"p{number}", at, at + size))
        at += size
        while due := parts.due(most):
            assert len(due) > 1
            assert due[-1].end - due[0].start <= most
            parts.replace(due, f"m{number}-{due[0].level}")
    held = parts.written
    assert all(one.end == other.start for one, other in pairwise(held))
    assert sum(it.end - it.start for it in held) == sum(sizes)


def test_small_objects_are_merged_behind_others_that_are_too_large() -> None:
    parts = PartList()
    ends = [*range(100, 2_100, 100), *range(2_001, 2_017)]
    parts.written = [Part(f"{it}", start, it) for start, it in pairwise([0, *sorted(ends)])]
    assert [it.end - it.start for it in parts.due(50)] == [1] * 16


@pytest.mark.parametrize(
    ("size", "seconds", "allowed"),
    [
        (16 << 20, 16.0, part_list.LEAST_MERGE_BYTES),
        (16 << 20, 4.0, 8 << 20),
        (16 << 20, 0.0, part_list.MOST_BYTES),
        (1 << 20, 60.0, part_list.FIRST_MERGE_BYTES),
    ],
)
def test_a_merge_is_what_is_uploaded_within_two_seconds(
    size: int, seconds: float, allowed: int
) -> None:
    merges = part_list.MergeSize()
    merges.uploaded(size, seconds)
    assert merges.bytes == allowed
