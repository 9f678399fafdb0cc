"""Whatever goes wrong, and whenever the run is killed meanwhile: each row appears once, as answer or as error.

Every pair of trouble and moment by TORTURE=1 (`make torture`); else FAULTS of them, chosen by SEED, which is printed.
"""

import contextlib
import json
import os
import re
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product

import pytest
from matrix import (
    WHILE_WRITING,
    Moment,
    Paid,
    answer,
    chosen,
    questions_of,
    run_until,
)

from local_dss import faults
from local_dss.behaviour import Behaviour
from local_dss.faults import Answer
from local_dss.job import JobResult
from local_dss.llms import completion_body
from local_flow import Flow

ROWS, CONCURRENCY, CALL_SECONDS = 40, 4, 0.05
SAMPLE = int(os.environ.get("FAULTS", "6"))
CONFIG = {"max_concurrency": CONCURRENCY, "timeout_seconds": 1.5, "max_retries": 2}
QUESTIONS = questions_of(ROWS, ROWS, padding=1000)
# These fail once, this one always.
PASSING, LASTING = QUESTIONS[3::10], QUESTIONS[20]
KILL, TERM = signal.SIGKILL, signal.SIGTERM
MOMENTS = [
    None,
    Moment("a call", 12, KILL),
    Moment("a call", 25, TERM),
    Moment("half an upload", 3, KILL),
    Moment("a row is written", 20, TERM),
]


@dataclass(frozen=True)
class Trouble:
    """`answers`: what calls get instead of an answer. `error_type`: of a row that gets nothing else.

    `behaviour` is that of the first run's surroundings alone, `ends` the sentence with which it ends where it is not
    killed before, `away`: whether the Mesh is restarted meanwhile.
    """

    answers: Answer | None = None
    error_type: str = ""
    behaviour: Behaviour = field(default_factory=Behaviour)
    ends: str = ""
    away: bool = False


def body(text: str, *, choices: int = 1) -> str:
    made = completion_body({"model": "m", "messages": []}, text, with_usage=True)
    assert isinstance(made["choices"], list)
    return json.dumps({**made, "choices": made["choices"] * choices})


PROMPT = QUESTIONS[0]
WHOLE = body(answer(LASTING))
TROUBLES = {
    "429 with a pause": Trouble(faults.rate_limited(retry_after_ms="300"), "rate_limit"),
    "429 with a date": Trouble(
        faults.rate_limited(Retry_After="Thu, 01 Jan 1970 00:00:30 GMT"), "rate_limit"
    ),
    "429 without": Trouble(faults.rate_limited(), "rate_limit"),
    "500 of DSS": Trouble(faults.unexplained(PROMPT), "server"),
    "502 page": Trouble(faults.gateway_page(502), "server"),
    "reset": Trouble(faults.reset, "connection"),
    "reset in mid-body": Trouble(faults.cut_after(WHOLE[:90]), "connection"),
    "dripping": Trouble(faults.dripping(WHOLE, 30), "timeout"),
    "hung": Trouble(faults.hang, "timeout"),
    "cut JSON": Trouble(faults.respond(WHOLE[:90]), "connection"),
    "answer twice": Trouble(faults.respond(WHOLE * 2), "connection"),
    "two choices": Trouble(faults.respond(body(answer(LASTING), choices=2)), ""),
    "a page": Trouble(faults.respond("<html>Sign in</html>", content_type="text/html"), "server"),
    "JSON as plain text": Trouble(faults.respond(WHOLE, content_type="text/plain"), "server"),
    "no choices": Trouble(faults.respond(json.dumps({"choices": []})), "empty"),
    "restart": Trouble(away=True),
    "no name": Trouble(behaviour=Behaviour(failing_lookups=(2, 3, 4))),
    "a folder that stumbles": Trouble(behaviour=Behaviour(folder_fails_every=4)),
    "a slow folder": Trouble(behaviour=Behaviour(folder_seconds=0.1)),
    "a folder that is read-only": Trouble(
        behaviour=Behaviour(folder_refuses_writes_after=0),
        ends=r"The run folder cannot be written \(OSError\)",
    ),
    "a folder that becomes full": Trouble(
        behaviour=Behaviour(folder_refuses_writes_after=3),
        ends=r"The run folder cannot be written \(OSError\)",
    ),
    "a directory that is read-only": Trouble(
        behaviour=Behaviour(working_directory="/proc"),
        ends=r"The run store in /proc cannot be written",
    ),
    "a disk that is full": Trouble(
        behaviour=Behaviour(largest_file=16_384),
        ends="The disk of the job's working directory .* is full",
    ),
    "a disk that becomes full": Trouble(
        behaviour=Behaviour(largest_file=140_000),
        ends="The disk of the job's working directory .* is full",
    ),
}


@pytest.mark.parametrize(("name", "moment"), chosen([*product(TROUBLES, MOMENTS)], SAMPLE), ids=str)
def test_each_row_appears_once_as_answer_or_as_error_and_nothing_stays_behind(
    flow: Flow, name: str, moment: Moment | None
) -> None:
    trouble = TROUBLES[name]
    flow.ask(*QUESTIONS)
    flow.previous_output()
    flow.mesh.delay_seconds = CALL_SECONDS
    flow.mesh.fault = lambda question, nth, _: fault(trouble, question, nth)
    with restarts(flow) if trouble.away else contextlib.nullcontext():
        first = run_until(flow, CONFIG, moment, trouble.behaviour)
    if moment is None:
        assert first.succeeded == (not trouble.ends), first.text
        assert re.search(trouble.ends, first.banner)
    if first.succeeded:
        check_rows(flow, trouble, may_fail=[*PASSING, LASTING] if trouble.answers else QUESTIONS)
        if not any(flow.column("error_type")):
            # It is closed: the next run would start afresh.
            return
    else:
        assert (moment is not None and moment.name in WHILE_WRITING) or flow.untouched()
    paid = Paid(flow)
    second = run_until(flow, CONFIG)
    assert second.succeeded, second.text
    # What is not tried again may come in the second run for the first time.
    once = PASSING if trouble.error_type == "empty" else []
    check_rows(flow, trouble, may_fail=[*once, LASTING] if trouble.error_type else [])
    check_paid(paid, first, trouble, moment)


def fault(trouble: Trouble, question: str, nth: int) -> Answer | None:
    if question == LASTING or (question in PASSING and nth == 1 and trouble.error_type):
        return trouble.answers
    return None


@contextlib.contextmanager
def restarts(flow: Flow) -> Iterator[None]:
    def restart() -> None:
        flow.mesh.wait_for_calls(10)
        flow.mesh.restart(0.7)

    thread = threading.Thread(target=restart)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def check_rows(flow: Flow, trouble: Trouble, may_fail: list[str]) -> None:
    assert flow.column("question") == QUESTIONS
    allowed = {trouble.error_type, "connection"} if trouble.away else {trouble.error_type}
    for row in flow.answers:
        if row["error_type"]:
            assert row["question"] in may_fail
            assert row["error_type"] in allowed
            assert row["completion"] == ""
        else:
            assert row["completion"] == answer(row["question"])


def check_paid(paid: Paid, first: JobResult, trouble: Trouble, moment: Moment | None) -> None:
    twice = paid.twice()
    told = re.search(r"([\d,]+) answers of this run are not saved", first.text)
    unsaved = int(told.group(1)) if told else 0
    killed_hard = moment is not None and moment.number == KILL and not first.succeeded
    if killed_hard or trouble.behaviour.largest_file:
        assert all(paid.just_before_the_end(it) for it in twice)
    elif first.succeeded and not trouble.away:
        assert twice == []
    else:
        assert len(twice) <= unsaved + CONCURRENCY
