"""What the kit for a real DSS writes down and what it takes in: no key, no letter lost, no switch guessed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from dataikuapi.utils import DataikuException

from integration.course import performed
from integration.findings import Answer, Check, KitError, Step
from integration.jobs import Ran, log_of, marks
from integration.report import Report
from integration.target import Target, target
from integration.workspace import Workspace

KEY = "dkuaps-0123456789abcdefghijklmnopqrstuv"
TARGET = Target("https://dss.example.com", KEY, "openai:c:m")


def report(*findings: Answer | Check, of: Target = TARGET) -> Report:
    return Report(of, "14", "x.zip", "now", 1, findings, (), ())


def saved(made: Report, folder: Path) -> str:
    made.save(folder)
    return "".join(it.read_text() for it in sorted(folder.iterdir()))


def test_a_letter_that_utf_8_cannot_hold_costs_no_report(tmp_path: Path) -> None:
    words = "an LLM's word: \ud83d"
    whole = saved(report(Answer("zero_rows", words, {"seen": words})), tmp_path)
    assert whole.count("\\ud83d") == 4
    kept = json.loads((tmp_path / "integration-report.json").read_text())
    assert words in [it["answer"] for it in kept["questions"]]


def hidden_in(folder: Path, words: str, of: Target = TARGET) -> str:
    return saved(report(Answer("zero_rows", words, {"seen": words}), of=of), folder)


@pytest.mark.parametrize("length", [8, 12, 20, len(KEY)])
def test_a_key_is_hidden_whole_or_cut_and_as_http_sends_it(tmp_path: Path, length: int) -> None:
    whole = hidden_in(tmp_path, f"refused: {KEY[:length]}")
    assert KEY[:8] not in whole
    assert "refused: (hidden)" in whole
    sent = "ZGt1YXBzLTAxMjM0NTY3ODlhYmNkZWZnaGlqa2xtbm9wcXJzdHV2Og=="
    whole = hidden_in(tmp_path, f"Authorization: Basic {sent[: length + 4]}")
    assert sent[:8] not in whole


def test_a_key_of_somebody_else_is_hidden_too(tmp_path: Path) -> None:
    assert "AbCdEf" not in hidden_in(tmp_path, "leftover dkuaps-AbCdEf0123456789AbCdEf0123456789")


class Job:
    """Whose own log is empty, and one of whose activities has none that can be read."""

    def get_status(self) -> dict[str, Any]:
        return {"baseStatus": {"activities": {"a_NP": {}, "b_NP": {}}}}

    def get_log(self, activity: str = "") -> str:
        if activity == "a_NP":
            raise DataikuException("gone")
        return 'KIT {"name": "begun", "found": true}' if activity else ""


def test_an_activity_s_log_that_cannot_be_read_costs_no_other() -> None:
    assert marks(log_of(Job())) == {"begun": True}


def test_a_password_in_the_address_is_hidden(tmp_path: Path) -> None:
    behind = replace(TARGET, url="https://me:s3cret@dss.example.com")
    assert "s3cret" not in hidden_in(tmp_path, "at https://me:s3cret@dss.example.com", behind)


def failing(_work: object) -> Iterator[Answer]:
    yield from ()
    raise KitError("It failed", Ran("FAILED", "Traceback\nValueError: at last", {}).evidence)


def test_the_end_of_a_log_is_in_the_report_before_the_log_is_removed(tmp_path: Path) -> None:
    step = Step("Broken", failing, ("zero_rows",))
    found = [*performed(step, cast("Workspace", None))]
    whole = saved(report(*found), tmp_path)
    assert whole.count("ValueError: at last") == 2


SET = {"DSS_URL": " https://dss.example.com/\n", "DSS_API_KEY": f"{KEY}\n", "LLM_ID": " a:b:c "}


@pytest.mark.parametrize("name", ["UPDATE_PLUGIN", "KEEP"])
@pytest.mark.parametrize(
    ("value", "on"),
    [
        *((it, True) for it in ("1", "TRUE", "yes")),
        *((it, False) for it in ("", "0", "false", "No", " ")),
    ],
)
def test_a_switch_is_on_or_off_as_it_says(name: str, value: str, on: bool) -> None:
    found = target({**SET, name: value})
    assert found is not None
    assert {"UPDATE_PLUGIN": found.update_plugin, "KEEP": found.keep}[name] is on


@pytest.mark.parametrize("name", ["UPDATE_PLUGIN", "KEEP"])
def test_a_switch_that_is_neither_is_one_sentence(name: str) -> None:
    with pytest.raises(KitError, match=f"{name} is 'maybe': set it to 1 or to 0"):
        target({**SET, name: "maybe"})


def test_what_was_pasted_with_a_newline_is_taken_without() -> None:
    found = target(SET)
    assert found is not None
    assert (found.url, found.api_key, found.llm_id) == (TARGET.url, KEY, "a:b:c")
    assert target({**SET, "DSS_API_KEY": " \n"}) is None


def kit(tmp_path: Path, **more: str) -> "subprocess.CompletedProcess[str]":
    here = Path(__file__).parent.parent
    command = [sys.executable, "-m", "integration", "no.zip", "--report", str(tmp_path / "report")]
    environment = {**os.environ, **SET, "PYTHONPATH": str(here), **more}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_folder_that_takes_no_report_ends_the_kit_before_its_first_call(tmp_path: Path) -> None:
    (tmp_path / "report").write_text("a file")
    ended = kit(tmp_path)
    assert ended.returncode == 1
    assert ended.stdout.startswith("No report can be saved in ")
    assert not ended.stderr


def test_a_switch_that_is_neither_ends_the_kit_before_its_first_call(tmp_path: Path) -> None:
    ended = kit(tmp_path, KEEP="perhaps")
    assert (ended.returncode, ended.stderr) == (1, "")
    assert ended.stdout == "KEEP is 'perhaps': set it to 1 or to 0. No DSS is touched.\n"
