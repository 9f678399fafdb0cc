"""How the kit for a real DSS tells what DSS makes of a macro that fails, whatever that is."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from dataikuapi.utils import DataikuException
from kit_runs import KEY

from integration import macro_steps
from integration.course import performed
from integration.findings import ANSWERED, Answer, Check, Step
from integration.target import Target
from integration.workspace import Workspace
from local_dss.llms import LLM_ID


@dataclass
class FakeMacro:
    result: Callable[[], Any]
    status: dict[str, Any] = field(default_factory=dict)
    target = Target("https://dss.example.com", KEY, LLM_ID)

    def macro_run(self, _name: str, _params: object) -> tuple["FakeMacro", str, dict[str, Any]]:
        return self, "r", self.status

    def get_result(self, _run: str, as_type: str) -> Any:
        return self.result()


def refuses(words: str) -> Callable[[], Any]:
    def result() -> Any:
        raise DataikuException(words)

    return result


MISSING = {"error": macro_steps.NO_LLM}


@pytest.mark.parametrize(
    ("macro", "fails", "words"),
    [
        (
            FakeMacro(refuses(f"Missing: {macro_steps.NO_LLM}")),
            True,
            "an error, with the macro's own sentence",
        ),
        (FakeMacro(refuses("500")), True, "an error, without the macro's own sentence"),
        (
            FakeMacro(lambda: json.loads("<html>"), MISSING),
            True,
            "a result that is no JSON, and no error; the run's status names what is missing",
        ),
        (FakeMacro(lambda: json.loads("")), False, "a result that is no JSON, and no error"),
        (FakeMacro(lambda: {"records": []}), False, "no error: a result like any other"),
    ],
)
def test_whatever_dss_makes_of_a_macro_that_fails_is_told(
    macro: FakeMacro, fails: bool, words: str
) -> None:
    step = Step("Fails", macro_steps.failing_macro, ("macro_failure",))
    check, answer = performed(step, cast("Workspace", macro))
    assert isinstance(check, Check)
    assert isinstance(answer, Answer)
    assert check.passed is fails
    assert (answer.state, answer.answer) == (ANSWERED, words)
    assert "status" in answer.evidence
