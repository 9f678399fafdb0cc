"""Partitions of one output, each by a job of its own, several at once."""

import signal
from typing import Any

import pytest
from matrix import FOLDER

from local_dss.behaviour import Behaviour
from local_dss.job import Job
from local_dss.llms import user_text
from local_flow import Flow

PARTITIONED = ["prompts", "answers"]
AT_ONCE, ROWS, A_MINUTE = 8, 60, 1_200
WINDOW_SECONDS = 20.0


def ask(flow: Flow, partition: str, rows: int) -> list[str]:
    questions = [f"{partition} {n}" for n in range(rows)]
    flow.project.create_texts("prompts", [{"question": it} for it in questions], partition)
    return questions


def start(flow: Flow, partition: str, **changes: Any) -> Job:
    config = changes.pop("config", {})
    described = {"outputs": FOLDER, "partitioned": PARTITIONED, **changes}
    return flow.start(config, partition=partition, **described)


def answers(flow: Flow, partition: str) -> list[str]:
    return [it["completion"] for it in flow.project.dataset("answers", partition).rows()]


@pytest.mark.parametrize("told", ["attribute", "variables"])
def test_a_run_writes_its_partition_alone_and_keeps_its_answers_apart(
    flow: Flow, told: str
) -> None:
    behaviour = Behaviour(partition_told=told)
    questions = {it: ask(flow, it, 3) for it in ("2026-11-01", "2026-11-02")}
    for partition in questions:
        finished = start(flow, partition, behaviour=behaviour).wait()
        assert finished.succeeded, finished.text
    for partition, asked in questions.items():
        assert answers(flow, partition) == [f"You said: {it}" for it in asked]
    roots = {it.name for it in (flow.project.managed_folder("run") / "DEMO.answers").iterdir()}
    expected = {"attribute": set(questions), "variables": {f"part%3D{it}" for it in questions}}
    assert roots == expected[told]
    if told == "attribute":
        assert set(flow.project.dataset("answers").metrics) == set(questions)


def test_where_no_folder_may_stand_beside_a_partitioned_output_its_id_names_it(flow: Flow) -> None:
    questions = ask(flow, "a", 3)
    refusing = Behaviour(folder_beside_partitions=False)
    refused = start(flow, "a", behaviour=refusing).wait()
    assert "Outputs are partitioned alike: run is not" in refused.banner
    outputs = {"completions": ["answers"]}
    named = {"config": {"run_folder_id": "run"}, "outputs": outputs, "behaviour": refusing}
    assert start(flow, "a", **named).wait().succeeded
    assert answers(flow, "a") == [f"You said: {it}" for it in questions]
    assert (flow.project.managed_folder("run") / "DEMO.answers/a/state.json").exists()


def test_without_a_run_folder_the_log_says_that_partitions_share_no_limits(flow: Flow) -> None:
    ask(flow, "a", 2)
    config = {"requests_per_minute": 6_000}
    job = start(flow, "a", config=config, outputs={"completions": ["answers"]})
    assert "hold for each partition on its own" in job.wait().text


def test_partitions_spend_their_part_of_the_limit_alone(flow: Flow) -> None:
    """At a unit a token a call reserves some 700 and costs some 600: there is one in half of the limit."""
    limit = 2_000
    config = {
        "price_per_million_input_tokens": 1e6,
        "price_per_million_output_tokens": 1e6,
        "max_tokens": 1,
        "spend_limit": limit,
    }
    for partition in ("a", "b"):
        asked = [{"question": f"{partition} {n} {'a ' * 300}"} for n in range(8)]
        flow.project.create_texts("prompts", asked, partition)
    refused = start(flow, "a", config=config).wait()
    assert "fill in 'Partitions of a build', by which the limit is divided" in refused.banner
    jobs = [start(flow, it, config={**config, "partitions_of_a_build": 2}) for it in "ab"]
    for job in jobs:
        assert "'Spend limit' (1,000.00) has no room for the next call" in job.wait().banner
    spent = sum(len(user_text(it.body).split()) + 1 for it in flow.mesh.calls)
    assert 0 < spent <= limit


def test_eight_partitions_at_once_keep_to_the_limits_together_and_a_killed_one_is_resumed(
    flow: Flow,
) -> None:
    partitions = [f"p{n}" for n in range(AT_ONCE)]
    questions = {it: ask(flow, it, ROWS) for it in partitions}
    config = {"requests_per_minute": A_MINUTE, "adaptive_concurrency": False}
    jobs = {it: start(flow, it, config=config) for it in partitions}
    flow.mesh.wait_for_calls(AT_ONCE * 20)
    jobs["p0"].send(signal.SIGKILL)
    assert not jobs["p0"].wait().succeeded
    again = start(flow, "p0", config=config)
    for partition, job in {**jobs, "p0": again}.items():
        finished = job.wait(240.0)
        assert finished.succeeded, f"{partition}: {finished.text}"
        assert finished.left_open == []
    for partition, asked in questions.items():
        assert answers(flow, partition) == [f"You said: {it}" for it in asked]
    moments = [it.moment for it in flow.mesh.calls]
    allowed = A_MINUTE * WINDOW_SECONDS / 60.0
    print(f"at most {most_in_a_window(moments)} calls in {WINDOW_SECONDS} s, {allowed} allowed")  # noqa: T201  # a figure
    print(f"{len(moments)} calls in {moments[-1] - moments[0]:.1f} s")  # noqa: T201  # a figure
    assert most_in_a_window(moments) <= 1.05 * allowed
    assert len(moments) <= AT_ONCE * ROWS + 40


def most_in_a_window(moments: list[float]) -> int:
    return max(sum(it <= other < it + WINDOW_SECONDS for other in moments) for it in moments)
