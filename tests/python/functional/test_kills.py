"""Real kills at many moments of a run: the next run ends it, and what was answered is paid once.

Every moment by TORTURE=1 (`make torture`); else KILLS of them, chosen by SEED, which is printed.
"""

import os
import random
import signal
import sys
from collections import Counter
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest

from local_dss.behaviour import Behaviour
from local_dss.job import JobResult
from local_flow import Flow
from mesh_prompt_batch.answer_block import answers, blocks, encoded

ROWS, CONCURRENCY, CALL_SECONDS = 120, 4, 0.1
SAMPLE = int(os.environ.get("KILLS", "6"))
SEED = int(os.environ.get("SEED", "20261123"))
FOLDER = {"completions": ["answers"], "run_folder": ["run"]}
WHILE_WRITING = (
    "the output is cleared",
    "a row is written",
    "rows reach the output",
    "the output is whole",
)
# What may lie between an answer and its save: the recorder, the interval, the upload; and a busy machine.
UNSAVED_SECONDS = 0.1 + 0.2 + 0.2 + 1.5


class Moment(NamedTuple):
    name: str
    nth: int
    number: signal.Signals
    crowded: bool = False

    def __str__(self) -> str:
        crowd = " in a crowded folder" if self.crowded else ""
        return f"{self.name} {self.nth}{crowd} {self.number.name}"


def moments() -> list[Moment]:
    signals = (signal.SIGKILL, signal.SIGTERM)
    uploads = ("an upload begins", "half an upload", "an upload ends")
    found = [Moment("a call", n, it) for n, it in product((1, 2, 5, 20, 60, 90, 110, 115), signals)]
    found += [Moment(*it) for it in product(uploads, (1, 2, 3, 6, 9), signals)]
    found += [Moment("a row is written", n, it) for n, it in product((1, 60, 120), signals)]
    ends = ("the output is cleared", "rows reach the output", "the output is whole")
    found += [Moment(name, 1, it) for name, it in product(ends, signals)]
    found += [Moment(name, n, it, True) for name, n, it in product(uploads, (2, 3), signals)]
    found += [Moment("a deletion", n, it, True) for n, it in product((1, 2, 20, 40), signals)]
    return found


def chosen() -> list[Moment]:
    if os.environ.get("TORTURE"):
        return moments()
    sys.stdout.write(f"SEED={SEED}\n")
    return random.Random(SEED).sample(moments(), SAMPLE)


@pytest.mark.parametrize("moment", chosen(), ids=str)
def test_a_killed_run_is_ended_by_the_next_and_no_answer_is_paid_twice(
    flow: Flow, moment: Moment
) -> None:
    questions = [f"question {n % (ROWS - 5)}" for n in range(ROWS)]
    flow.ask(*questions)
    flow.previous_output()
    flow.mesh.delay_seconds = CALL_SECONDS
    if moment.crowded:
        crowd(flow, questions)
    assert not run_until(flow, moment).succeeded
    assert flow.untouched() or moment.name in WHILE_WRITING
    last_call = max((it.moment for it in flow.mesh.calls), default=0.0)
    asked = {question(it.body): it.moment for it in flow.mesh.calls}
    finished = flow.run({"max_concurrency": 16}, outputs=FOLDER)
    assert finished.succeeded, finished.text
    assert flow.column("question") == questions
    assert flow.column("completion") == [f"You said: {it}" for it in questions]
    times = Counter(question(it.body) for it in flow.mesh.calls)
    twice = [it for it in times if times[it] > 1]
    assert set(times) == set(questions)
    assert max(times.values()) <= 2
    assert all(asked[it] + CALL_SECONDS > last_call - UNSAVED_SECONDS for it in twice)
    if moment.number == signal.SIGTERM:
        assert len(twice) <= CONCURRENCY


def run_until(flow: Flow, moment: Moment) -> JobResult:
    config = {"max_concurrency": CONCURRENCY}
    if moment.name == "a call":
        job = flow.start(config, outputs=FOLDER)
        flow.mesh.wait_for_calls(moment.nth)
        job.send(moment.number)
        return job.wait()
    killed_at = f"{moment.name}:{moment.nth}:{int(moment.number)}"
    return flow.run(config, outputs=FOLDER, behaviour=Behaviour(killed_at=killed_at))


def crowd(flow: Flow, questions: list[str]) -> None:
    """Half the rows are answered, in more objects than are left alone."""
    flow.ask(*questions[:50])
    assert flow.run({"max_concurrency": 16, "row_limit": 50}, outputs=FOLDER).succeeded
    for path in answer_files(flow):
        with path.open("rb") as stream:
            found = [it for block in blocks(stream) for it in answers(block)]
        path.unlink()
        for number, answer in enumerate(found):
            path.with_name(f"{path.name}-{number:03d}").write_bytes(encoded([answer]))
    assert len(answer_files(flow)) > 40
    flow.ask(*questions)
    flow.previous_output()


def answer_files(flow: Flow) -> list[Path]:
    root = flow.project.managed_folder("run")
    return sorted(it for it in root.rglob("*") if "/answers/" in str(it) and it.is_file())


def question(body: object) -> str:
    assert isinstance(body, dict)
    return str(body["messages"][-1]["content"])
