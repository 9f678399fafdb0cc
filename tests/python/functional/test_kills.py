"""Real kills at many moments of a run: the next run ends it, and what was answered is paid once.

Every moment by TORTURE=1 (`make torture`); else KILLS of them, chosen by SEED, which is printed.
"""

import asyncio
import os
import shutil
import signal
import threading
from itertools import product
from pathlib import Path

import pytest
from aiohttp import web
from matrix import (
    FOLDER,
    WHILE_WRITING,
    Moment,
    Paid,
    answer,
    chosen,
    questions_of,
    run_until,
)

from local_dss import faults
from local_dss.llms import user_text
from local_flow import Flow
from mesh_prompt_batch.answer_block import answers, blocks, encoded

ROWS, CONCURRENCY, CALL_SECONDS = 120, 4, 0.1
SAMPLE = int(os.environ.get("KILLS", "6"))
SIGNALS = (signal.SIGKILL, signal.SIGTERM)
UPLOADS = ("an upload begins", "half an upload", "an upload ends")
STATE = [f"{it} of the state" for it in UPLOADS]


def moments() -> list[Moment]:
    found = [Moment("a call", n, it) for n, it in product((1, 2, 5, 20, 60, 90, 110, 115), SIGNALS)]
    found += [Moment(*it) for it in product(UPLOADS, (1, 2, 3, 6, 9), SIGNALS)]
    # The first claims the folder, the next say that the output is being written, that it is written, and goodbye.
    found += [Moment(*it) for it in product(STATE, (1, 2, 3, 4), SIGNALS)]
    found += [Moment("a row is written", n, it) for n, it in product((1, 60, 120), SIGNALS)]
    ends = ("the output is cleared", "rows reach the output", "the output is whole")
    found += [Moment(name, 1, it) for name, it in product(ends, SIGNALS)]
    found += [Moment(name, n, it, True) for name, n, it in product(UPLOADS, (2, 3), SIGNALS)]
    found += [Moment("a deletion", n, it, True) for n, it in product((1, 2, 20, 40), SIGNALS)]
    return found


def when_appending() -> list[Moment]:
    found = [Moment(name, 1, it) for name, it in product(WHILE_WRITING, SIGNALS)]
    found += [Moment("a row is written", 60, it) for it in SIGNALS]
    return found + [Moment(*it) for it in product(STATE, (2, 3, 4), SIGNALS)]


def is_closed(moment: Moment) -> bool:
    """Whether the run folder says that all is done, though the run was killed: the next one starts afresh."""
    half = moment.name.startswith("half")
    if moment.name not in STATE or moment.nth < 3:
        return False
    if moment.nth == 4:
        return not half
    # SIGTERM lets the thread that saves finish what it does.
    return moment.number == signal.SIGTERM or moment.name.startswith("an upload ends")


# Late enough that answers which were never saved would be older than the bound allows.
LATE = Moment("a call", 115, signal.SIGKILL)


@pytest.mark.parametrize("moment", dict.fromkeys([LATE, *chosen(moments(), SAMPLE)]), ids=str)
def test_a_killed_run_is_ended_by_the_next_and_no_answer_is_paid_twice(
    flow: Flow, moment: Moment
) -> None:
    questions = questions_of(ROWS, ROWS - 5)
    flow.ask(*questions)
    flow.previous_output()
    flow.mesh.delay_seconds = CALL_SECONDS
    if moment.crowded:
        crowd(flow, questions)
    assert not run_until(flow, {"max_concurrency": CONCURRENCY}, moment).succeeded
    closing = moment.name in STATE and moment.nth >= 3
    # Whoever is killed while it writes leaves an output that cannot be read.
    assert moment.name in WHILE_WRITING or closing or flow.untouched()
    paid, calls = Paid(flow), len(flow.mesh.calls)
    finished = run_until(flow, {"max_concurrency": 16})
    assert finished.succeeded, finished.text
    assert flow.column("question") == questions
    assert flow.column("completion") == [answer(it) for it in questions]
    if is_closed(moment):
        assert len(flow.mesh.calls) == calls + ROWS - 5
        return
    twice = paid.twice()
    assert all(paid.just_before_the_end(it) for it in twice)
    if moment.number == signal.SIGTERM:
        assert len(twice) <= CONCURRENCY
    if moment.name in WHILE_WRITING or closing:
        assert len(flow.mesh.calls) == calls


@pytest.mark.parametrize("moment", chosen(when_appending(), (SAMPLE + 2) // 4), ids=str)
def test_killed_while_it_appends_no_row_is_there_twice_and_none_is_paid_again(
    flow: Flow, moment: Moment
) -> None:
    flow.ask(*questions_of(10, 10))
    config = {"max_concurrency": 16, "send_identical_rows_once": True}
    assert run_until(flow, config, appends=["answers"]).succeeded
    questions = questions_of(ROWS, ROWS)
    flow.ask(*questions)
    output = flow.project.dataset("answers").folder
    shutil.copytree(output, output.with_name("kept"))
    assert not run_until(flow, config, moment, appends=["answers"]).succeeded
    calls = len(flow.mesh.calls)
    again = run_until(flow, config, appends=["answers"])
    if not again.succeeded:
        assert "remove them there, then delete DEMO.answers/whole/state.json" in again.banner
        assert len(flow.mesh.calls) == calls
        shutil.rmtree(output)
        output.with_name("kept").rename(output)
        (flow.project.managed_folder("run") / "DEMO.answers/whole/state.json").unlink()
        again = run_until(flow, config, appends=["answers"])
    assert again.succeeded, again.text
    closed = is_closed(moment)
    expected = [*questions_of(10, 10), *questions * (2 if closed else 1)]
    assert flow.column("question") == expected
    assert flow.column("completion") == [answer(it) for it in expected]
    assert len(flow.mesh.calls) == calls + (ROWS if closed else 0)


def crowd(flow: Flow, questions: list[str]) -> None:
    """Half the rows are answered, in more objects than are left alone."""
    flow.ask(*questions[:50])
    assert run_until(flow, {"max_concurrency": 16, "row_limit": 50}).succeeded
    for path in answer_files(flow):
        with path.open("rb") as stream:
            found = [it for block in blocks(stream) for it in answers(block)]
        path.unlink()
        for number, one in enumerate(found):
            # As this recipe's own objects are named.
            path.with_name(f"{path.name}{number:03d}").write_bytes(encoded([one]))
    assert len(answer_files(flow)) > 40
    flow.ask(*questions)
    flow.previous_output()


def answer_files(flow: Flow) -> list[Path]:
    root = flow.project.managed_folder("run")
    return sorted(it for it in root.rglob("*") if "/answers/" in str(it) and it.is_file())


def test_two_runs_at_once_are_refused_and_the_first_one_ends_well(flow: Flow) -> None:
    flow.ask(*questions_of(40, 40))
    released = threading.Event()

    async def held(request: web.Request) -> web.StreamResponse:
        while not released.is_set():  # noqa: ASYNC110  # another thread's doing
            await asyncio.sleep(0.05)
        return await faults.rate_limited(retry_after_ms="1")(request)

    flow.mesh.fault = lambda _question, _nth, call: held if call == 1 else None
    first = flow.start({"max_concurrency": 4}, outputs=FOLDER)
    flow.mesh.wait_for_calls(1)
    second = run_until(flow, {"max_concurrency": 4})
    released.set()
    assert "Another run of this recipe and partition is at work" in second.banner
    assert first.wait().succeeded
    assert len(flow.mesh.calls) == 41


def test_killed_and_resumed_runs_together_keep_to_the_spend_limit(flow: Flow) -> None:
    """At a unit a token a call reserves some 700 and costs some 600: of these there are six in the limit."""
    limit, rows = 4_000, 30
    questions = [f"{n} {'a ' * 300}" for n in range(rows)]
    flow.ask(*questions)
    config = {
        "price_per_million_input_tokens": 1e6,
        "price_per_million_output_tokens": 1e6,
        "spend_limit": limit,
        "max_tokens": 1,
        "max_concurrency": 2,
    }
    for kill_at, number in ((1, signal.SIGKILL), (3, signal.SIGTERM)):
        job = flow.start(config, outputs=FOLDER)
        flow.mesh.wait_for_calls(kill_at)
        job.send(number)
        assert not job.wait().succeeded
    stopped = flow.run(config, outputs=FOLDER)
    assert "'Spend limit' (4,000.00) has no room for the next call" in stopped.banner
    assert limit / 4 < cost(flow) <= limit
    finished = flow.run({**config, "spend_limit": 10 * limit}, outputs=FOLDER)
    assert finished.succeeded, finished.text
    assert flow.column("question") == questions
    assert set(flow.column("completion")) == {"You"}


def cost(flow: Flow) -> int:
    """Of all calls that came, as the Mesh counts them."""
    return sum(len(user_text(it.body).split()) + 1 for it in flow.mesh.calls)
