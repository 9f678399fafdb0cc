"""Real signals: the previous output survives, and nothing of a prompt lies about."""

import signal
from pathlib import Path

import pytest

from local_dss.job import Job
from local_flow import Flow

pytestmark = pytest.mark.cold


def half_way(flow: Flow) -> Job:
    """A job in the middle of its calls."""
    flow.ask(*(f"question {n}" for n in range(400)))
    flow.previous_output()
    flow.mesh.delay_seconds = 0.2
    job = flow.start({"max_concurrency": 4})
    flow.mesh.wait_for_calls(20)
    job.wait_for("Read 400 rows")
    return job


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_aborted_job_leaves_the_previous_output(flow: Flow, number: signal.Signals) -> None:
    job = half_way(flow)
    working = Path(job.directory.name) / "cwd"
    assert list(working.iterdir()) == []
    job.send(number)
    result = job.wait(20)
    assert not result.succeeded
    assert flow.untouched()
    assert 0 < len(flow.mesh.calls) < 400
    if number == signal.SIGTERM:
        assert "The job was told to end (SIGTERM)" in result.text
        assert "Total: " in result.text


def test_the_log_tells_the_story(flow: Flow) -> None:
    job = half_way(flow)
    job.send(signal.SIGTERM)
    story = job.wait(20).text
    for part in (
        "Prompt batch, version ",
        "Settings: LLM: openai:demo:small-model",
        "with the job's own ticket",
        "Read 400 rows: resuming 0 answers, 0 identical rows, 400 to ask.",
    ):
        assert part in story
