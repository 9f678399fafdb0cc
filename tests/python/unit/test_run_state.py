"""What the run folder says of the last run, and what it says when something else lies there."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostile_values import nearly
from mesh_prompt_batch.answer_block import NewerFormatError
from mesh_prompt_batch.run_state import ASKING, CLOSED, UNREADABLE, WRITING, RunState

STATES = st.builds(
    RunState,
    st.from_regex(r"[\w-]{1,80}", fullmatch=True, alphabet=st.characters(max_codepoint=127)),
    st.sampled_from([ASKING, WRITING, CLOSED]),
    st.integers(0, 2**62 - 1),
    st.text(max_size=1_000),
    st.text(max_size=1_000),
    st.integers(0, 2**62 - 1),
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(STATES)
def test_it_comes_back_as_it_was(state: RunState) -> None:
    assert RunState.from_bytes(state.to_bytes()) == state
    assert not RunState.from_bytes(state.released().to_bytes()).owner


@given(STATES, st.data())
def test_cut_short_it_is_unreadable(state: RunState, data: st.DataObject) -> None:
    whole = state.to_bytes()
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    assert RunState.from_bytes(cut).phase == UNREADABLE


@given(
    st.binary()
    | ANYTHING.map(lambda it: json.dumps(it).encode())
    | STATES.flatmap(lambda it: nearly(json.loads(it.to_bytes()))).map(
        lambda it: json.dumps(it).encode()
    )
)
def test_what_others_put_there_is_unreadable_or_newer_and_breaks_nothing(data: bytes) -> None:
    try:
        state = RunState.from_bytes(data)
    except NewerFormatError:
        return
    assert state.phase == UNREADABLE or RunState.from_bytes(state.to_bytes()) == state


@pytest.mark.parametrize(
    "changes",
    [
        {"saved": "9"},
        {"epoch": None},
        {"phase": "later"},
        {"beat": True},
        {"owner": 1},
        {"epoch": "../.."},
        {"beat": -1},
    ],
)
def test_a_field_of_another_kind_is_not_believed(changes: dict[str, object]) -> None:
    told = {**json.loads(RunState("e").to_bytes()), **changes}
    assert RunState.from_bytes(json.dumps(told).encode()).phase == UNREADABLE


def test_brackets_without_end_are_unreadable() -> None:
    assert RunState.from_bytes(b"[" * 100_000).phase == UNREADABLE
