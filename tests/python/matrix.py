"""Runs of the matrices: killed at a moment or not, and always asked what they say and what they leave behind."""

import contextlib
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeVar

from local_dss.behaviour import Behaviour
from local_dss.job import Job, JobResult
from local_flow import Flow

SEED = int(os.environ.get("SEED", "20261123"))
FOLDER = {"completions": ["answers"], "run_folder": ["run"]}
CANARIES = ("canary-question-51c0", "canary-answer-7e3d", "ticket-of-the-job")
# A run takes seconds; one that hangs takes for ever, and a machine may be busy.
DEADLINE_SECONDS = 300.0 if os.environ.get("TORTURE") else 55.0
WHILE_WRITING = (
    "the output is cleared",
    "a row is written",
    "rows reach the output",
    "the output is whole",
)
# What may lie between an answer and its save: the recorder, the interval, the upload; and a busy machine.
UNSAVED_SECONDS = 0.1 + 0.2 + 0.2 + 1.5
INPUT = "datasets/prompts/data.tsv"
Case = TypeVar("Case")


class Moment(NamedTuple):
    """When a run is killed; `crowded`: in a folder with more objects than are left alone."""

    name: str
    nth: int
    number: signal.Signals
    crowded: bool = False

    def __str__(self) -> str:
        crowd = " in a crowded folder" if self.crowded else ""
        return f"{self.name} {self.nth}{crowd} {self.number.name}"


def chosen(cases: Sequence[Case], most: int) -> Sequence[Case]:
    """All by TORTURE=1, else as many as `most`, drawn by SEED."""
    if os.environ.get("TORTURE"):
        return cases
    return random.Random(SEED).sample(cases, min(most, len(cases)))


def questions_of(rows: int, distinct: int, padding: int = 0) -> list[str]:
    return [f"{CANARIES[0]} {n % distinct} {'x' * padding}".strip() for n in range(rows)]


def answer(question: str) -> str:
    return f"{CANARIES[1]} to {question}"


def run_until(
    flow: Flow,
    config: Mapping[str, object],
    moment: Moment | None = None,
    behaviour: Behaviour | None = None,
    appends: Sequence[str] = (),
) -> JobResult:
    """A run to its end or to `moment`, whose log at its most talkative holds no prompt, answer or credential."""
    at_call = moment is not None and moment.name == "a call"
    killed_at = f"{moment.name}:{moment.nth}:{int(moment.number)}" if moment and not at_call else ""
    talkative = replace(behaviour or Behaviour(), log_level="DEBUG", killed_at=killed_at)
    flow.mesh.answer = answer
    job = flow.start(config, outputs=FOLDER, behaviour=talkative, appends=list(appends))
    if moment is not None and at_call:
        _kill_at_call(flow, job, moment, len(flow.mesh.calls) + moment.nth)
    result = job.wait(DEADLINE_SECONDS)
    assert "DEBUG" in result.text
    assert not [it for it in CANARIES if it in result.text + result.banner]
    left = [it for it in result.left_open if not (_told_to_end(moment) and it.endswith(INPUT))]
    assert not left, left
    assert result.left_files == []
    return result


def _told_to_end(moment: Moment | None) -> bool:
    """Then an exception may come between the opening of a file and the name that it gets: it ends with the process."""
    return moment is not None and moment.number == signal.SIGTERM


def _kill_at_call(flow: Flow, job: Job, moment: Moment, calls: int) -> None:
    while job.process.poll() is None:
        with contextlib.suppress(TimeoutError):
            flow.mesh.wait_for_calls(calls, 0.2)
            job.send(moment.number)
            return


class Paid:
    """What the answers so far tell of a run that ended; to be made at its end."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._first = {it.question: it.moment for it in reversed(flow.mesh.answered)}
        self._end = max((it.moment for it in flow.mesh.calls), default=0.0)

    def twice(self) -> list[str]:
        """Questions whose answer was paid before that end and again after it."""
        times = Counter(it.question for it in self._flow.mesh.answered)
        found = [it for it in self._first if times[it] > 1]
        # Shown by `pytest -rP`.
        sys.stdout.write(f"{len(found)} calls paid twice\n")
        return found

    def just_before_the_end(self, question: str) -> bool:
        return self._first[question] > self._end - UNSAVED_SECONDS
