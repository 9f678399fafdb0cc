"""A provider that refuses every call for a while: full speed soon after, no row lost, and an end to waiting."""

import asyncio
import math
import os
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_outage import Spell, course
from simulated_provider import Provider
from simulated_run import one_gate, request, seconds
from virtual_time import run

from fakes import answered, question_of
from mesh_prompt_batch.completion import Completion, CompletionRequest, Failure, Outcome
from mesh_prompt_batch.errors import CleanStopError, TransientError
from mesh_prompt_batch.own_limits import Limits
from mesh_prompt_batch.retry import RetryPolicy, complete_with_retries
from mesh_prompt_batch.window import run_window

TORTURE = bool(os.environ.get("TORTURE"))
# Of sixteen calls at once that take four seconds.
FULL_SPEED = 240.0
FOR_EVER = math.inf
# Patience that no spell here outlasts.
PATIENT = RetryPolicy(max_wait=7200)


@pytest.mark.parametrize("adaptive", [True, False])
@pytest.mark.parametrize(
    ("length", "tells"), [(120, 10), (120, None), (20, 2), (300, 60), (5, None), (55, None)]
)
def test_full_speed_is_back_within_a_minute_after_a_spell_of_refusals(
    length: float, tells: float | None, *, adaptive: bool
) -> None:
    end = 200.0 + length
    seen, _ = course([Spell(200, end, tells)], end + 240, limits=Limits(16, adaptive=adaptive))
    assert seen.a_minute(100, 200) > 0.9 * FULL_SPEED
    assert seen.a_minute(end + 75, end + 195) > 0.9 * FULL_SPEED
    assert not seen.failures
    assert seen.stopped is None


@pytest.mark.parametrize("at_once", [1, 16])
def test_a_provider_that_is_back_is_noticed_soon_though_it_is_asked_seldom(at_once: int) -> None:
    seen, _ = course([Spell(200, 700)], 800, policy=PATIENT, limits=Limits(at_once))
    assert min(it for it in seen.answers["llm"] if it > 210) < 700 + 15 + 5
    asked = [it for it in seen.calls if 260 <= it < 700]
    assert len(asked) <= 2 + (700 - 260) / 15


@pytest.mark.parametrize("tells", [None, 1.0, 30.0])
def test_a_quota_that_is_used_up_ends_the_run_cleanly_and_costs_no_row(
    tells: float | None,
) -> None:
    seen, took = course([Spell(180, FOR_EVER, tells)], 3600)
    assert isinstance(seen.stopped, CleanStopError)
    assert str(seen.stopped).startswith("The LLM has refused every call for 10 min")
    assert "'Longest wait (seconds)'" in str(seen.stopped)
    assert str(seen.stopped).endswith("the LLM was llm.")
    assert not seen.failures
    assert 180 + 600 < took < 180 + 600 + 60
    assert sum(it > 185 for it in seen.calls) < 150


def test_the_fallback_answers_after_a_minute_of_refusals_and_not_before() -> None:
    seen, _ = course([Spell(180, FOR_EVER)], 1800, fallback="spare")
    assert seen.stopped is None
    assert 180 + 60 < min(seen.answers["spare"]) < 180 + 60 + 30
    assert seen.a_minute(1000, 1700, "spare") > 0.9 * FULL_SPEED
    assert not seen.failures
    # Given up when patience ends, and not asked again.
    assert max(seen.calls) < 180 + 600 + 60


@pytest.mark.parametrize("a_minute", [20, 200, 600])
@pytest.mark.parametrize("tells", [None, 1.0])
def test_a_limit_a_minute_loses_no_row_and_is_used_up(a_minute: int, tells: float | None) -> None:
    """Where the Mesh passes a provider's refusal on it does not tell how long to wait."""
    rows = 6 * a_minute
    provider = Provider(a_minute=a_minute, tells=tells)
    outcomes, took = seconds(provider, rows, Limits(64), RetryPolicy())
    assert all(isinstance(it, Completion) for it in outcomes)
    assert took < 6 * 60 / 0.8
    assert len(provider.refusals) < 0.3 * rows + 80


SPELLS = st.lists(
    st.tuples(
        st.sampled_from([5.0, 30.0, 200.0]) | st.floats(1, 300),
        st.floats(0.1, 400),
        st.sampled_from([None, 0.0, 1.0, 10.0, 60.0]),
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.simulation
@given(SPELLS, st.sampled_from([1.0, 4.0, 10.0]), st.sampled_from([1, 8, 32]))
@settings(max_examples=100 if TORTURE else 25, deadline=None)
def test_whatever_spells_of_refusals_come_speed_is_back_when_they_have_ended(
    spells: list[tuple[float, float, float | None]], latency: float, at_once: int
) -> None:
    """Within three minutes, however short the times between them were."""
    moment, story = 0.0, list[Spell]()
    for well, length, tells in spells:
        story.append(Spell(moment + well, moment + well + length, tells))
        moment += well + length
    back = moment + 180
    seen, _ = course(story, back + 120, latency=latency, limits=Limits(at_once), policy=PATIENT)
    full = 60 * at_once / latency
    # What is answered in two minutes varies by some calls.
    assert seen.a_minute(back, back + 120) >= 0.9 * full - 1
    assert not seen.failures
    assert seen.stopped is None


async def refuses_a_word(asked: CompletionRequest) -> Completion:
    await asyncio.sleep(0.1)
    if question_of(asked) == "word":
        raise TransientError("rate_limit", "words", status=429)
    return answered("fine")


async def asked_at_once(rows: Sequence[str], at_once: int) -> list[Outcome]:
    gate = one_gate(refuses_a_word, Limits(at_once), 600, now=asyncio.get_running_loop().time)
    left, outcomes = iter(rows), list[Outcome]()

    async def take() -> str | None:
        return next(left, None)

    async def ask(text: str) -> None:
        outcomes.append(
            await complete_with_retries(
                gate.call, request(text), RetryPolicy(), gate.sleep, lambda: 0.5
            )
        )

    await run_window(take, ask, at_once)
    return outcomes


@pytest.mark.parametrize("others", [8, 2000])
def test_a_row_that_is_refused_alone_fails_after_its_retries(others: int) -> None:
    """Whether others are answered meanwhile, or there are none any more."""
    outcomes, took = run(asked_at_once(["word", *["other"] * others], 4))
    (word,) = [it for it in outcomes if isinstance(it, Failure)]
    assert (word.error_type, word.status) == ("rate_limit", 429)
    assert word.attempts == 7
    assert took < 100


def test_of_one_call_at_a_time_a_refused_row_fails_when_patience_ends() -> None:
    """And the next one is asked."""
    outcomes, took = run(asked_at_once(["word", "other", "word"], 1))
    assert [type(it) for it in outcomes] == [Failure, Completion, Failure]
    assert all(it.attempts < 60 for it in outcomes if isinstance(it, Failure))
    assert 1200 < took < 1260
