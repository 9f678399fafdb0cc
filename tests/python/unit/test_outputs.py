"""What is written besides the completions: the failed rows, and sums that equal what the cells add up to."""

import logging
import re
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from fakes import FakeCalls, FakeFolder, FakeSource, FakeTarget
from mesh_prompt_batch.batch import complete_dataset
from mesh_prompt_batch.errors import RequestError, RunStoppedError, SettingsError
from mesh_prompt_batch.failed_rows import planned_failed_rows
from mesh_prompt_batch.output import planned_output
from mesh_prompt_batch.run_folder import RunFolder
from mesh_prompt_batch.run_id import RUN_ID, new_run_id, start_of
from mesh_prompt_batch.run_parts import Workplace
from mesh_prompt_batch.settings import Settings
from mesh_prompt_batch.totals import Totals
from our_logs import told

PRICES = {"price_per_million_input_tokens": 0.15, "price_per_million_output_tokens": 0.6}
ANSWERED, FAILED = "one answer", "bad request"
OURS = ["error_type", "error_message", "attempts", "llm_id", "row_number", "run_id"]


def settings(**config: object) -> Settings:
    return Settings.from_config({"llm_id": "llm", "user_column": "q", **config}, {})


def rule(question: str) -> str | Exception:
    return RequestError("bad_request", "its words") if question == FAILED else question


class Run:
    """Runs of one recipe, whose outputs and run folder stay."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.folder = FakeFolder()
        self.target, self.failed = FakeTarget(), FakeTarget()
        self.calls = FakeCalls(rule)

    def run(self, questions: Sequence[str], **config: object) -> Totals:
        data = FakeSource(["id", "q"], [(str(n), it) for n, it in enumerate(questions)])
        place = Workplace(
            self.directory,
            lambda: RunFolder(self.folder, ("P.out", ""), lambda _: None),
            lambda _: None,
            run_id="run 1",
        )
        self.calls = FakeCalls(rule)
        return complete_dataset(
            data, self.target, settings(**config), lambda: self.calls, place, self.failed
        )


@pytest.fixture
def recipe(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_failed_rows_have_the_input_s_columns_then_ours(recipe: Run) -> None:
    recipe.run([ANSWERED, FAILED, "", FAILED])
    assert [it["name"] for it in recipe.failed.schema] == ["id", "q", *OURS]
    assert recipe.failed.content == [
        ["1", FAILED, "bad_request", "its words", 1, "llm", 2, "run 1"],
        [
            "2",
            "",
            "invalid_row",
            "The user message is blank, as 'q' is blank.",
            0,
            None,
            3,
            "run 1",
        ],
        ["3", FAILED, "bad_request", "its words", 0, "llm", 4, "run 1"],
    ]


def test_the_schema_is_written_even_where_no_row_failed(recipe: Run) -> None:
    recipe.run([ANSWERED])
    assert recipe.failed.content == []
    assert recipe.failed.opened == 1


def test_columns_keep_type_and_comment_and_the_input_s_names_win() -> None:
    schema = [
        {"name": "q", "type": "string", "comment": "mine"},
        {"name": "Row_Number", "type": "bigint"},
        {"name": "dropped", "type": "date"},
    ]
    plan = planned_output(schema, settings(columns_to_keep=["Row_Number", "q"]))
    failed = planned_failed_rows(plan, "run")
    assert failed.schema[:2] == tuple(schema[:2])
    assert [it["name"] for it in failed.schema[2:]] == [
        *OURS[:4],
        "row_number_1",
        "run_id",
    ]
    assert all(it["comment"] for it in failed.schema[2:])
    assert [it["type"] for it in failed.schema[4:7]] == ["bigint", "string", "bigint"]


def test_both_outputs_are_checked_before_any_call(recipe: Run) -> None:
    recipe.failed.refuses = "other columns"
    with pytest.raises(SettingsError, match="other columns"):
        recipe.run([ANSWERED])
    assert not recipe.calls.entered
    assert not recipe.target.opened


def test_the_completions_stand_where_the_failed_rows_cannot_be_written(recipe: Run) -> None:
    recipe.failed.broken = 3
    with pytest.raises(RunStoppedError, match="completions are written and stand"):
        recipe.run([ANSWERED, FAILED])
    assert recipe.target.column("completion") == [ANSWERED, None]
    assert recipe.target.metrics is not None
    recipe.run([ANSWERED, FAILED])
    assert recipe.calls.asked == [FAILED]
    assert recipe.failed.column("row_number") == [2]


def test_without_a_failure_too_the_next_run_writes_them_again_and_asks_nothing(recipe: Run) -> None:
    recipe.failed.broken = 3
    with pytest.raises(RunStoppedError, match="'Failed rows'"):
        recipe.run([ANSWERED])
    recipe.run([ANSWERED])
    assert not recipe.calls.asked
    assert recipe.failed.content == []


def test_an_output_that_appends_is_written_once(recipe: Run) -> None:
    recipe.failed = FakeTarget(appends=True, broken=1)
    with pytest.raises(RunStoppedError, match="failed rows could not be written"):
        recipe.run([ANSWERED, FAILED])
    assert recipe.failed.opened == 1


def test_completions_are_not_appended_twice_where_the_failed_rows_could_not_be_written(
    recipe: Run,
) -> None:
    recipe.target, recipe.failed = FakeTarget(appends=True), FakeTarget(broken=3)
    for sentence in ("failed rows could not be written", "remove them there"):
        with pytest.raises(RunStoppedError, match=sentence):
            recipe.run([ANSWERED, FAILED])
    assert recipe.target.opened == 1


QUESTIONS = st.lists(
    st.sampled_from([ANSWERED, "two", "three", FAILED, ""]), min_size=1, max_size=25
)


@given(QUESTIONS, st.booleans(), st.booleans())
@example_settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_metrics_equal_the_sums_over_the_output(
    tmp_path: Path, questions: list[str], resumes: bool, once: bool
) -> None:
    recipe = Run(tmp_path)
    config = {**PRICES, "send_identical_rows_once": once}
    if resumes:
        recipe.run([ANSWERED, "two", FAILED], **config)
    recipe.run([ANSWERED, *questions], **config)
    metrics, failed = recipe.target.metrics, recipe.failed.content
    assert metrics is not None
    assert failed is not None

    def known(name: str) -> list[Decimal]:
        return [Decimal(str(it)) for it in recipe.target.column(name) if it is not None]

    assert metrics["prompt_batch_rows"] == len(questions) + 1
    errors = [it for it in recipe.target.column("error_type") if it is not None]
    assert metrics["prompt_batch_failed"] == len(errors) == len(failed)
    tokens = sum(known("prompt_tokens")) + sum(known("completion_tokens"))
    assert metrics["prompt_batch_tokens"] == tokens
    assert Decimal(str(metrics["prompt_batch_cost"])) == sum(known("cost"))


def test_what_is_not_known_is_not_published(recipe: Run, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    recipe.run([ANSWERED])
    assert recipe.target.metrics == {
        "prompt_batch_rows": 1,
        "prompt_batch_failed": 0,
        "prompt_batch_tokens": 3,
    }
    assert recipe.target.column("cost") == [None]
    assert "Output: 1 rows, 0 failed, 2 + 1 tokens." in told(caplog)


def test_a_publish_that_fails_is_one_line_of_the_log(
    recipe: Run, caplog: pytest.LogCaptureFixture
) -> None:
    recipe.target.unpublishable = True
    recipe.run([ANSWERED])
    assert told(caplog) == [
        "The counts could not be published as metrics of the output (OSError); the output is whole."
    ]


def test_resumed_answers_keep_what_they_cost_and_copies_cost_nothing(recipe: Run) -> None:
    recipe.run([ANSWERED, FAILED], **PRICES)
    recipe.run(
        [ANSWERED, "two", "two", FAILED],
        price_per_million_input_tokens=5,
        price_per_million_output_tokens=10,
    )
    assert recipe.target.column("cost") == [9e-07, 2e-05, 0.0, None]


def test_copies_of_a_resumed_answer_cost_nothing_either(recipe: Run) -> None:
    recipe.run([ANSWERED, ANSWERED, FAILED], **PRICES)
    recipe.run([ANSWERED, ANSWERED, FAILED], **PRICES, output_columns="full")
    assert recipe.target.column("source") == ["resumed", "identical", "call"]
    assert recipe.target.column("cost") == [9e-07, 0.0, None]
    assert recipe.target.column("prompt_tokens") == [2, 0, None]


def test_runs_of_one_second_have_different_names_and_later_ones_sort_behind() -> None:
    assert len({new_run_id() for _ in range(100)}) == 100
    assert new_run_id() > "20260101T000000Z-ffffffff"


def test_the_name_of_a_run_tells_its_start() -> None:
    name = new_run_id()
    assert re.fullmatch(RUN_ID, name)
    assert 0 <= time.time() - start_of(name) < 60
