"""The kit for a real DSS, from end to end on the stand-in's public API."""

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit_runs import BY_NAME, KEY, answers, is_empty, kit_process, run

from integration import recipe_steps
from integration.course import STEPS, Voice, calls, run_kit
from integration.findings import ANSWERED, Answer, Check, Finding, Step
from integration.questions import QUESTIONS
from integration.target import Target
from integration.workspace import Workspace
from local_dss.behaviour import Behaviour
from local_dss.instance import Instance
from local_dss.llms import LLM_ID
from local_dss.mesh_server import MeshServer


@pytest.mark.timeout(600)  # some twenty jobs
def test_every_step_holds_and_nothing_is_left_behind(
    instance: Instance, dss: MeshServer, archive: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    report = run(dss, archive, said=said)
    page = report.save(tmp_path).read_text()
    assert report.is_good, page
    assert is_empty(instance)
    first, *running, project, second, build, plugin, env = report.removed
    assert [first, second] == [
        f"the plugin's setting {it}" for it in ("max_concurrency_ceiling", "codeEnvName")
    ]
    assert [it.split()[0] for it in running] == ["scenarios", "macros", "jobs"]
    assert [it.split()[1] for it in (project, build, plugin, env)] == [
        *("project", "build", "plugin", "code")
    ]
    assert 0 < len(dss.calls) <= report.most_calls == calls(STEPS)
    whole = (tmp_path / "integration-report.json").read_text()
    assert KEY not in page + whole + "".join(said)
    assert "ticket-of-the-job" not in page + whole
    states = {it["id"]: it["state"] for it in json.loads(whole)["questions"]}
    by_hand = {it.id for it in QUESTIONS if it.look}
    assert {name for name, it in states.items() if it != "answered"} <= by_hand
    found = answers(report)
    assert found["ticket_on_openai_route"] == "models: HTTP 200; chat: HTTP 200"
    assert found["abort_signal"].startswith("SIGTERM; then lived for ")
    assert found["html_in_table"].startswith("the API gives such a cell as it is; ")
    assert found["variables_in_params"] == "left as they are"
    assert found["writer_on_exception"] == "the old row is gone, the three new ones are kept"


def boom(work: Workspace) -> Iterator[Finding]:
    yield Answer("zero_rows", "one empty chunk")
    raise RuntimeError(f"it broke with {KEY}")


def test_what_breaks_in_the_middle_costs_its_own_answers_alone(
    instance: Instance, dss: MeshServer, archive: Path, tmp_path: Path
) -> None:
    broken = Step("Broken", boom, ("zero_rows", "extra_keys"))
    report = run(dss, archive, broken, BY_NAME["A folder as output"])
    page = report.save(tmp_path).read_text()
    assert is_empty(instance)
    assert not report.is_good
    assert answers(report)["zero_rows"] == "one empty chunk"
    assert "it broke with (hidden)" in page
    assert KEY not in page
    assert answers(report)["folder_output_emptied"] == "no, a file that was there stays"
    assert answers(report)["metric_ids"] == "its step was not run"


def test_the_other_answers_of_dss_are_told_as_well(
    instance: Instance, dss: MeshServer, archive: Path
) -> None:
    instance.behaviour = Behaviour(
        failed_writer="discard",
        folder_beside_partitions=False,
        partition_told="variables",
        zero_rows_give_a_chunk=True,
        extra_keys_raise=False,
    )
    instance.abort_signal = signal.SIGKILL
    instance.whole_log = False
    instance.cells_escaped = True
    names = (
        "Reading",
        "An empty dataset",
        "Writers",
        "Partitions",
        "Abort",
        "HTML in a macro's table",
    )
    steps = [BY_NAME[it] for it in names]
    report = run(dss, archive, recipe_steps.STEPS[0], *steps)
    assert [it for it in report.checks if not it.passed] == []
    found = answers(report)
    assert found["zero_rows"] == "one empty chunk"
    assert found["null_and_empty"] == "they read alike"
    assert found["extra_keys"] == "taken, the key is left out"
    assert found["output_before_writer"] == "the old row is still there, and no other"
    assert found["writer_on_exception"] == "the output is empty"
    assert found["folder_beside_partitions"].startswith("no, the job ended FAILED")
    assert "writePartition: no such attribute" in found["partition_told"]
    assert "'DKU_DST_part': 'a'" in found["partition_told"]
    assert found["abort_signal"].startswith("none seen: it is killed at once")
    assert found["html_in_table"].startswith("the API gives such a cell escaped; ")


def fails(work: Workspace) -> Iterator[Finding]:
    folder = work.folder("kit_folder")
    ran = work.run_code("kit_fails", ["foldering"], [folder], folder=f"no-such-folder {KEY}")
    ran.must_be("DONE", "The recipe failed")
    yield Check("It came so far", passed=False)


def test_the_end_of_a_failed_recipe_s_log_outlives_the_log(
    instance: Instance, dss: MeshServer, archive: Path, tmp_path: Path
) -> None:
    report = run(dss, archive, Step("It fails", fails, ("zero_rows",)))
    page = report.save(tmp_path).read_text()
    assert is_empty(instance)
    assert re.search(r"\w*Error: .*no-such-folder \(hidden\)", page)
    assert "Traceback (most recent call last):" in page
    assert KEY not in page


def test_an_instance_that_refuses_empty_inputs_costs_no_other_answer(
    instance: Instance, dss: MeshServer, archive: Path
) -> None:
    instance.behaviour = Behaviour(empty_inputs_refused=True)
    names = ("An empty dataset", "Reading", "Surroundings of a job", "Credentials of a job")
    steps = [BY_NAME[it] for it in names]
    report = run(dss, archive, recipe_steps.STEPS[0], *steps)
    assert [it for it in report.checks if not it.passed] == []
    found = {it.id: report.answer(it) for it in QUESTIONS}
    assert found["zero_rows"].answer.startswith("neither: a job with such an input is refused")
    assert "NOT_READY_NO_FILES" in str(found["zero_rows"].evidence)
    asked = [question for it in steps for question in it.questions]
    assert {found[it].state for it in asked} == {ANSWERED}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_signal_of_an_abort_is_told_where_the_log_is_cut(
    instance: Instance, dss: MeshServer, archive: Path, number: signal.Signals
) -> None:
    instance.abort_signal = number
    instance.log_after_abort = False
    report = run(dss, archive, BY_NAME["Abort"])
    assert answers(report)["abort_signal"].startswith(f"{number.name}; then lived for ")


def test_without_a_dss_it_says_so_in_one_sentence(archive: Path, tmp_path: Path) -> None:
    with kit_process(archive, tmp_path, DSS_URL="https://dss.example.com") as process:
        assert process.stdout is not None
        said = process.stdout.read()
        assert process.wait(60) == 0
    assert said == (
        "Skipped, no DSS is touched: set DSS_API_KEY and LLM_ID (see tests/python/integration/README.md).\n"
    )
    assert not [*tmp_path.iterdir()]


def test_a_key_that_dss_does_not_know_ends_in_a_sentence(
    instance: Instance, dss: MeshServer, archive: Path
) -> None:
    report = run_kit(Target(dss.front, "wrong", LLM_ID), archive, Voice(print, print))
    assert "Unknown API Key" in report.stopped
    assert is_empty(instance)


def test_an_address_that_does_not_answer_ends_in_a_sentence(archive: Path) -> None:
    nowhere = Target("http://localhost:9", KEY, LLM_ID)
    report = run_kit(nowhere, archive, Voice(print, print))
    assert report.stopped.startswith("DSS_URL does not answer (ConnectionError): check the address")
    assert not report.left
    assert answers(report)["metric_ids"] == "the kit stopped before"


def test_the_recipe_s_steps_come_before_those_that_read_what_they_made() -> None:
    assert STEPS[: len(recipe_steps.STEPS)] == recipe_steps.STEPS
