"""What a run leaves for its reader, however it ended."""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from report_reader import Page

from fakes import FakeCalls, FakeFolder, FakeSource, FakeTarget
from mesh_prompt_batch.batch import complete_dataset
from mesh_prompt_batch.errors import LlmError, RequestError, RunStoppedError, TransientError
from mesh_prompt_batch.process import AbortedError, process_identity
from mesh_prompt_batch.run_folder import RunFolder
from mesh_prompt_batch.run_history import kept_lines, records_of
from mesh_prompt_batch.run_parts import Workplace
from mesh_prompt_batch.run_record import RunRecord
from mesh_prompt_batch.run_state import RunState
from mesh_prompt_batch.settings import Settings

CANARY = "canary-7d20"
ROOT = "P.answers/whole/"
PRICED: dict[str, Any] = {
    "price_per_million_input_tokens": 1e6,
    "price_per_million_output_tokens": 1e6,
}


def rule(question: str) -> str | Exception:
    if "fails" in question:
        return RequestError("bad_request", f"{question} is bad", status=400)
    return question


@dataclass
class Runs:
    """Runs of one recipe on one run folder."""

    directory: Path
    objects: FakeFolder = field(default_factory=FakeFolder)
    target: FakeTarget = field(default_factory=FakeTarget)

    def folder(self) -> RunFolder:
        return RunFolder(self.objects, ("P.answers", ""), lambda _: None)

    def run(
        self, questions: list[str], rule: Callable[[str], str | Exception] = rule, **config: object
    ) -> None:
        named = {"llm_id": "llm", "user_column": "q", "output_columns": "full", **config}
        source = FakeSource(["q"], [(f"{CANARY} {it}",) for it in questions])
        place = Workplace(self.directory, self.folder, lambda _: None)
        calls = FakeCalls(rule)
        complete_dataset(source, self.target, Settings.from_config(named, {}), lambda: calls, place)

    @property
    def page(self) -> Page:
        text = self.objects.objects[f"{ROOT}report.html"].decode()
        assert CANARY not in text
        return Page(text)

    @property
    def records(self) -> list[RunRecord]:
        assert CANARY.encode() not in self.objects.objects[f"{ROOT}runs.jsonl"]
        return records_of(kept_lines(self.folder()))


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


def test_figures_of_the_report_are_those_of_the_output(
    runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    runs.run(["a", "b", "a", "fails", "fails", "c"], **PRICED)
    sources, errors = runs.target.column("source"), runs.target.column("error_type")
    rows = runs.page.pairs("Rows")
    asked = [error for error, source in zip(errors, sources, strict=True) if source == "call"]
    assert rows["Read"] == "6"
    assert rows["Answered by calls of this run"] == str(asked.count(None)) == "3"
    assert rows["Failed"] == str(asked.count("bad_request")) == "1"
    assert rows["Copied from identical rows (1 of them failed)"] == str(sources.count("identical"))
    assert rows["Not decided"] == "0"
    calls = runs.page.pairs("Calls of this run")
    assert (calls["Calls"], calls["Tokens in"], calls["Tokens out"]) == ("4", "6", "3")
    assert calls["Cost"] == f"{sum(it for it in runs.target.column('cost') if it):.2f}"  # type: ignore[misc]  # numbers
    assert runs.page.pairs("Errors") == {"bad_request": "1"}
    assert "Of 6 rows 4 are answered, 2 failed; all are in the output." in runs.page.text
    assert f"The run report is {ROOT}report.html in the run folder." in caplog.text


def test_a_resumed_run_stands_beside_the_one_before(runs: Runs) -> None:
    runs.run(["a", "b", "fails"])
    runs.run(["a", "b", "fixed"], max_retries=2)
    assert runs.page.pairs("Rows")["Resumed from earlier runs"] == "2"
    first, second = runs.records
    assert (first.failed, second.resumed, second.answered) == (1, 2, 1)
    assert second.changed_since(first) == ["retries: 6 → 2"]
    newest, oldest = runs.page.tables["The last 2 runs"]
    assert (newest[-1], oldest[-1]) == ("retries: 6 → 2", "")
    assert second.outcome == "completed"


def test_the_last_twenty_runs_are_shown(runs: Runs) -> None:
    for _ in range(22):
        runs.run(["a"])
    assert len(runs.page.tables["The last 20 runs"]) == 20
    assert len(runs.records) == 22


def test_a_stopped_run_has_its_report_and_says_why(runs: Runs) -> None:
    with pytest.raises(RunStoppedError):
        runs.run(["a", "b"], lambda _: LlmError("quota", CANARY, status=500))
    (record,) = runs.records
    assert (record.outcome, record.rows) == ("stopped", 2)
    assert record.sentence.startswith("A quota blocks the LLM")
    assert "A quota blocks the LLM" in runs.page.text
    assert runs.page.pairs("Rows")["Not decided"] == "2"


def test_a_limit_that_publishes_is_told(runs: Runs) -> None:
    def impatient(question: str) -> str | Exception:
        if question.endswith("a"):
            return question
        return TransientError("rate_limit", CANARY, status=429, retry_after=900)

    runs.run(["a", "b", "c"], impatient, when_stopped="write", max_concurrency=1)
    (record,) = runs.records
    assert record.outcome == "published incomplete"
    assert "Longest wait" in record.sentence
    undecided = runs.target.column("error_type").count("stopped")
    assert runs.page.pairs("Rows")["Not decided"] == str(undecided)


def test_a_spend_limit_is_shown_with_what_is_spent_of_it(runs: Runs) -> None:
    runs.run(["a", "b"], spend_limit=1e6, max_tokens=5, **PRICED)
    calls = runs.page.pairs("Calls of this run")
    assert calls["Spend limit"] == "1,000,000.00"
    assert calls["Spent of it, with the runs that were resumed"] == calls["Cost"] == "6.00"


def test_an_unforeseen_error_is_told_by_its_type_alone(runs: Runs) -> None:
    with pytest.raises(ZeroDivisionError):
        runs.run(["a"], lambda _: ZeroDivisionError(CANARY))
    (record,) = runs.records
    assert record.outcome == "broken"
    assert "nobody foresaw ended the run (ZeroDivisionError)" in runs.page.text


def test_an_aborted_run_has_its_report(runs: Runs) -> None:
    class Aborted(FakeTarget):
        def write(self, schema: object, rows: object) -> int:
            raise AbortedError("The job was told to end (SIGTERM); the output keeps what it held.")

    runs.target = Aborted()
    with pytest.raises(AbortedError):
        runs.run(["a"])
    (record,) = runs.records
    assert (record.outcome, record.answered) == ("aborted", 1)
    assert "(SIGTERM)" in runs.page.text


def test_reuse_never_has_a_report_too(runs: Runs) -> None:
    runs.run(["a"], reuse_completions="never")
    runs.run(["a"], reuse_completions="never")
    names = {f"{ROOT}{it}" for it in ("report.html", "runs.jsonl", "state.json")}
    assert {*runs.objects.objects} == names
    assert [it.answered for it in runs.records] == [1, 1]


def test_a_run_that_is_refused_leaves_the_report_of_the_other_one(runs: Runs) -> None:
    state = RunState("20261124T100000-a", "asking", 0, "another", process_identity(), 1)
    runs.folder().write_state(state)
    with pytest.raises(RunStoppedError, match="Another run"):
        runs.run(["a"])
    assert f"{ROOT}report.html" not in runs.objects.objects


@pytest.mark.parametrize("name", ["report.html", "runs.jsonl"])
def test_a_report_that_cannot_be_written_fails_no_run(
    runs: Runs, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    def trouble(action: str, path: str) -> None:
        if action == "write" and path.endswith(name):
            raise PermissionError(CANARY)

    runs.objects.trouble = trouble
    runs.run(["a"])
    assert runs.target.column("completion") == [f"{CANARY} a"]
    told = [it.getMessage() for it in caplog.records if "report" in it.getMessage()]
    assert told == ["The run report could not be written (RunStoppedError)."]
    assert CANARY not in caplog.text


def test_a_history_that_is_something_else_is_gone_on_with(runs: Runs) -> None:
    runs.objects.objects[f"{ROOT}runs.jsonl"] = (
        b"\xff\xfe\n[1]\n" + json.dumps({"format": 1}).encode()
    )
    runs.run(["a"])
    assert len(runs.records) == 1
    assert len(runs.page.tables["Runs"]) == 1


def test_the_moments_of_back_off_are_in_the_report(runs: Runs) -> None:
    asked = []

    def busy_once(question: str) -> str | Exception:
        asked.append(question)
        if len(asked) == 1:
            return TransientError("rate_limit", CANARY, status=429, retry_after=0.01)
        return question

    runs.run(["a", "b"], busy_once, max_concurrency=1)
    assert "Pauses that a provider asked for: 1" in runs.page.texts
    assert runs.page.pairs("Calls of this run")["Of these, again for the same row"] == "1"


def test_without_a_run_folder_there_is_no_report(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    settings = Settings.from_config({"llm_id": "llm", "user_column": "q"}, {})
    source, target = FakeSource(["q"], [("a",)]), FakeTarget()
    complete_dataset(source, target, settings, FakeCalls, Workplace(tmp_path))
    assert "report" not in caplog.text
