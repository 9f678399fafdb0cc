"""Runs with a spend limit: killed and resumed, they never pass it together."""

import contextlib
import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from fakes import FakeCalls, FakeFolder, FakeSource, FakeTarget
from mesh_prompt_batch.batch import complete_dataset
from mesh_prompt_batch.completion import Completion
from mesh_prompt_batch.errors import RunStoppedError, SettingsError
from mesh_prompt_batch.run_folder import RunFolder
from mesh_prompt_batch.run_parts import Workplace
from mesh_prompt_batch.settings import Settings
from mesh_prompt_batch.usage import Usage

PRICED = {"price_per_million_input_tokens": 1e6, "price_per_million_output_tokens": 1e6}


class CostlyCalls(FakeCalls):
    """A call costs nearly what it reserves."""

    COST = 80

    async def _answer(self, question: str) -> Completion:
        return replace(await super()._answer(question), usage=Usage(self.COST, 0))


class Paying:
    """A recipe with a spend limit that runs again and again on one folder, and may be killed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.folder = FakeFolder()
        self.target = FakeTarget()
        self.paid = 0

    def run(self, questions: int, calls: FakeCalls | None = None, **config: object) -> None:
        form = {"llm_id": "llm", "user_column": "q", "max_tokens": 5, **PRICED, **config}
        source = FakeSource(["q"], [(f"q{n}",) for n in range(questions)], 7)
        place = Workplace(self.directory, self.open_folder, lambda _: None)
        made = calls or FakeCalls()
        try:
            complete_dataset(
                source, self.target, Settings.from_config(form, {}), lambda: made, place
            )
        finally:
            self.paid += 3 * len(made.asked)

    def open_folder(self) -> RunFolder:
        return RunFolder(self.folder, ("P.answers", ""), lambda _: None)

    def killed_when(self, moment: FakeFolder) -> None:
        """Go on with what the folder held then; whoever held it is dead."""
        self.folder = moment
        state = json.loads(moment.objects["P.answers/whole/state.json"])
        moment.objects["P.answers/whole/state.json"] = json.dumps({**state, "process": ""}).encode()


@pytest.fixture
def paying(tmp_path: Path) -> Paying:
    return Paying(tmp_path)


def test_a_run_that_reached_the_limit_goes_on_with_a_higher_one(paying: Paying) -> None:
    for limit in (200, 260, 320):
        with pytest.raises(RunStoppedError, match="'Spend limit'"):
            paying.run(100, spend_limit=limit)
        assert paying.paid <= limit
    assert paying.target.opened == 0
    paying.run(100, spend_limit=1000)
    assert paying.paid == 300
    assert len(paying.target.column("completion")) == 100


def test_a_finished_run_starts_afresh_with_its_money(paying: Paying) -> None:
    for _ in range(2):
        paying.run(20, spend_limit=250, reuse_completions="always", temperature=paying.paid / 1000)
    assert paying.paid == 120


def test_what_is_answered_may_be_published_at_the_limit(paying: Paying) -> None:
    paying.run(100, spend_limit=200, when_stopped="write")
    assert paying.target.column("error_type").count("stopped") > 30
    assert paying.paid <= 200


@given(st.integers(200, 1500), st.lists(st.floats(0, 1), max_size=4), st.integers(1, 8))
@example_settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_kills_and_resumed_runs_never_pass_the_limit(
    tmp_path: Path, limit: int, kills: list[float], at_once: int
) -> None:
    paying, paid = Paying(tmp_path), 0
    config: dict[str, Any] = {"spend_limit": limit, "max_concurrency": at_once}
    for kill in kills:
        calls, moments = CostlyCalls(slowly), list[tuple[FakeFolder, int]]()
        folder = paying.folder

        def remember(action: str, name: str) -> None:
            held = FakeFolder()
            held.objects = copy.copy(folder.objects)  # noqa: B023  # called within this turn
            moments.append((held, len(calls.asked)))  # noqa: B023  # as above

        folder.trouble = remember
        with contextlib.suppress(RunStoppedError):
            paying.run(40, calls, **config)
        folder.trouble = lambda action, name: None
        alive = [it for it in moments if _has_owner(it[0])]
        held, made = alive[int(kill * (len(alive) - 1))]
        paying.killed_when(held)
        paid += CostlyCalls.COST * made
        assert paid <= limit
    last = CostlyCalls(slowly)
    with contextlib.suppress(RunStoppedError):
        paying.run(40, last, **config)
    assert paid + CostlyCalls.COST * len(last.asked) <= limit


def slowly(question: str) -> str | int:
    """So that answers are saved while others are on their way."""
    return int(question[1:]) % 5 * 20


def _has_owner(folder: FakeFolder) -> bool:
    state = folder.objects.get("P.answers/whole/state.json")
    return state is not None and bool(json.loads(state).get("owner"))


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"max_tokens": None}, "'Max tokens' is blank"),
        ({"llm_id": "agent:a"}, "'LLM' is an agent"),
        ({"llm_id_override": "agent:a"}, "'LLM id as text' is an agent"),
        ({"fallback_llm_id": "other"}, "no price is known for 'Fallback LLM': choose another one"),
        (
            {"price_per_million_input_tokens": None, "price_per_million_output_tokens": None},
            "no price is known for 'LLM': fill in 'Price of a million input tokens'",
        ),
    ],
)
def test_a_limit_that_cannot_be_held_is_refused_before_any_call(
    paying: Paying, config: dict[str, object], words: str
) -> None:
    with pytest.raises(SettingsError, match=f"'Spend limit' cannot be held: .*{words}"):
        paying.run(3, None, spend_limit=5, **config)
    assert paying.paid == 0
