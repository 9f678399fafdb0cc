"""An outcome as text and back."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import answered
from mesh_prompt_batch.answer import completion_from
from mesh_prompt_batch.completion import Failure
from mesh_prompt_batch.outcome_record import UnreadableAnswerError, outcome_of, record_of
from mesh_prompt_batch.usage import Usage

COUNTS = st.none() | st.integers(0, 9)
USAGES = st.builds(Usage, COUNTS, COUNTS, st.none() | st.decimals(0, 99, places=12))
TEXTS = st.text(st.characters() | st.sampled_from("\x00\ud83d\n\u2028"))


@given(
    TEXTS.filter(bool),
    USAGES,
    st.integers(1, 9),
    st.none() | st.floats(0, 9),
)
def test_a_completion_comes_back_as_it_was(
    text: str, usage: Usage, attempts: int, first_token: float | None
) -> None:
    completion = replace(
        answered(text), usage=usage, attempts=attempts, time_to_first_token_seconds=first_token
    )
    record = record_of(completion)
    assert outcome_of(record) == completion
    assert len(record.splitlines()) == 1


@given(TEXTS, st.none() | st.integers(400, 599), USAGES)
def test_a_failure_comes_back_as_it_was(words: str, status: int | None, usage: Usage) -> None:
    failure = Failure("server", words, 3, status, usage)
    assert outcome_of(record_of(failure)) == failure
    told = replace(failure, answer=replace(answered("no JSON"), usage=usage, attempts=2))
    assert outcome_of(record_of(told)) == told


def test_what_was_saved_before_costs_were_kept_is_read_with_none() -> None:
    record = json.loads(record_of(answered("yes")))
    record["usage"] = record["usage"][:2]
    assert outcome_of(json.dumps(record)).usage == Usage(2, 1)


def test_what_no_provider_can_have_counted_keeps_no_answer_from_being_read() -> None:
    usage = {"prompt_tokens": 10**17, "completion_tokens": 3}
    body = {**answered("yes").raw, "usage": usage}
    assert outcome_of(record_of(completion_from(body, "llm", 0.1))).usage == Usage(None, 3)


@pytest.mark.parametrize("figure", [float("nan"), float("inf"), -1, 10**15, "1"])
@pytest.mark.parametrize("name", ["attempts", "latency", "first_token"])
def test_a_figure_that_no_run_has_is_no_answer_of_ours(name: str, figure: object) -> None:
    record = {**json.loads(record_of(answered("yes"))), name: figure}
    with pytest.raises(UnreadableAnswerError):
        outcome_of(json.dumps(record))
