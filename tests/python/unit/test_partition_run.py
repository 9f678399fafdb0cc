"""A task of Spark: run again, beside itself, and where Spark divides the same rows in another way."""

import json
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from fakes import FakeCalls, FakeFolder, FakeSource
from mesh_prompt_batch import answer_block, attempts, saver
from mesh_prompt_batch.errors import LlmError, RequestError, RunStoppedError
from mesh_prompt_batch.output import Cell
from mesh_prompt_batch.partition_content import PartitionContent
from mesh_prompt_batch.partition_run import Task, complete_partition
from mesh_prompt_batch.process import process_identity
from mesh_prompt_batch.row_index import IndexName, encoded_marks
from mesh_prompt_batch.run_folder import RunFolder
from mesh_prompt_batch.run_state import RunState
from mesh_prompt_batch.settings import Settings

pytestmark = pytest.mark.usefixtures("nothing_is_left")
FIRST, SECOND = "20261101T120000Z-aaaaaaaa", "20261102T120000Z-bbbbbbbb"


@dataclass
class Job:
    """Tasks over one run folder; `run` and `stage` as Spark would have them."""

    directory: Path
    folder: FakeFolder = field(default_factory=FakeFolder)
    run: str = FIRST
    stage: int = 1
    slept: list[float] = field(default_factory=list)

    def task(
        self, questions: list[str], rule: Any = str, **config: object
    ) -> tuple[list[Cell], list[str]]:
        """The completions, and what was asked."""
        calls = rule if isinstance(rule, FakeCalls) else FakeCalls(rule)
        given = {"llm_id": "llm", "user_column": "q", "output_columns": "essential", **config}
        content = PartitionContent(given)
        content.add([(it,) for it in questions])
        name = IndexName(content.name, self.run, self.stage, time.time())
        task = Task(
            self.directory,
            lambda: RunFolder(self.folder, ("spark", content.name), self.slept.append),
            name,
            content.marks,
            time.time(),
            sleep=self.slept.append,
        )
        source = FakeSource(["q"], [(it,) for it in questions], 3)
        rows = complete_partition(source, Settings.from_config(given, {}), lambda: calls, task)
        return [row[0] for row in rows], calls.asked

    def objects(self, part: str) -> list[str]:
        return [name for name in self.folder.objects if part in name]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


QUESTIONS = [f"question {n}" for n in range(10)]


def test_a_second_action_pays_nothing_and_a_place_is_three_objects(job: Job) -> None:
    assert job.task(QUESTIONS) == (QUESTIONS, QUESTIONS)
    there = {name: data for name, data in job.folder.objects.items() if "state" not in name}
    for stage in (2, 3):
        job.stage = stage
        assert job.task(QUESTIONS) == (QUESTIONS, [])
    assert len(job.folder.objects) == 3
    assert there.items() <= job.folder.objects.items()


def test_the_order_of_rows_makes_no_difference_to_what_is_found(job: Job) -> None:
    job.task(QUESTIONS)
    assert job.task(QUESTIONS[::-1]) == (QUESTIONS[::-1], [])


def test_a_task_that_failed_goes_on_where_it_stopped(job: Job) -> None:
    def stopping(question: str) -> str | Exception:
        return LlmError("quota", "") if question == "question 4" else question

    with pytest.raises(RunStoppedError, match=r"4( of 10)? rows were answered"):
        job.task(QUESTIONS, stopping, max_concurrency=1)
    assert job.task(QUESTIONS) == (QUESTIONS, QUESTIONS[4:])


def test_rows_are_found_wherever_tasks_of_another_stage_left_them(job: Job) -> None:
    job.task(QUESTIONS[:5])
    job.task(QUESTIONS[5:])
    job.run, job.stage = SECOND, 1
    assert job.task([*QUESTIONS[3:8], "new"]) == ([*QUESTIONS[3:8], "new"], ["new"])
    # They lie in both places now: a third run needs to look nowhere else.
    job.folder.objects = {k: v for k, v in job.folder.objects.items() if "0000005" not in k}
    assert job.task([*QUESTIONS[3:8], "new"])[1] == []


def test_tasks_of_one_stage_do_not_read_each_other(job: Job) -> None:
    read: list[str] = []
    job.folder.trouble = lambda action, name: read.append(name) if action == "read" else None
    job.task(QUESTIONS[:5])
    read.clear()
    job.task(QUESTIONS[5:])
    assert not [name for name in read if "/rows/" in name]


def test_equal_rows_that_are_each_asked_take_no_answer_of_another_place(job: Job) -> None:
    job.task(["a", "a"], send_identical_rows_once=False)
    job.stage = 2
    asked = job.task(["a", "a", "b"], send_identical_rows_once=False)[1]
    assert asked == ["a", "a", "b"]
    assert job.task(["a", "a", "b"], send_identical_rows_once=False)[1] == []


def test_with_never_only_actions_of_one_call_of_complete_share_answers(job: Job) -> None:
    job.task(QUESTIONS, reuse_completions="never")
    assert job.task(QUESTIONS, reuse_completions="never")[1] == []
    job.run = SECOND
    assert job.task(QUESTIONS, reuse_completions="never")[1] == QUESTIONS


def test_settings_that_shape_no_answer_find_them_and_others_do_not(job: Job) -> None:
    job.task(QUESTIONS)
    assert job.task(QUESTIONS, max_concurrency=3, output_columns="full")[1] == []
    assert job.task(QUESTIONS, temperature=0.5)[1] == QUESTIONS


def test_another_attempt_that_lives_is_waited_for(job: Job) -> None:
    """What it answers meanwhile is not asked again."""
    job.task(QUESTIONS)
    (state,) = job.objects("state.json")
    done = job.folder.objects[state]
    at_work = RunState("all", owner="other", process=process_identity())
    job.folder.objects[state] = at_work.to_bytes()
    looks = 0

    def ends_in_time(action: str, name: str) -> None:
        nonlocal looks
        if action == "read" and name == state:
            looks += 1
            if looks == 5:
                job.folder.objects[state] = done

    job.folder.trouble = ends_in_time
    assert job.task(QUESTIONS) == (QUESTIONS, [])
    assert len(job.slept) >= 4


def test_of_two_that_claim_at_once_one_waits_for_the_other(job: Job) -> None:
    job.task(QUESTIONS)
    (state,) = job.objects("state.json")
    released = job.folder.objects[state]
    overtaken: list[str] = []

    def overtakes(action: str, name: str) -> None:
        told = json.loads(job.folder.objects[state])
        if action == "read" and name == state and told["owner"] and not overtaken:
            overtaken.append(told["owner"])
            job.folder.objects[state] = RunState("all", owner="another").to_bytes()
        elif action == "read" and overtaken and told["owner"] == "another":
            job.folder.objects[state] = released

    job.folder.trouble = overtakes
    assert job.task(QUESTIONS) == (QUESTIONS, [])
    assert overtaken


def test_few_rows_that_all_fail_are_rows_and_many_end_the_task(job: Job) -> None:
    def fails(_question: str) -> Exception:
        return RequestError("bad_request", "")

    assert job.task(QUESTIONS, fails)[0] == [None] * 10
    with pytest.raises(RunStoppedError, match="No row was answered"):
        job.task([f"row {n}" for n in range(100)], fails)


def test_answers_that_are_too_old_leave_with_their_place(job: Job) -> None:
    job.task(QUESTIONS)
    (index,) = job.objects("/rows/")
    old = index.replace(FIRST, "20200101T000000Z-cccccccc")
    job.folder.objects[old] = job.folder.objects.pop(index)
    job.task(["new"])
    assert not [it for it in job.objects("/answers/") if "0000010" in it]
    assert [it for it in job.objects("/rows/") if "0000010" in it] == []
    assert job.task(QUESTIONS)[1] == QUESTIONS


def test_what_goes_missing_in_other_places_is_asked_again(job: Job) -> None:
    job.task(QUESTIONS[:5])
    job.task(QUESTIONS[5:8])
    job.stage = 2

    def missing(action: str, name: str) -> None:
        if action == "read" and "0000005" in name and "/answers/" in name:
            raise FileNotFoundError(name)
        if action == "read" and "/rows/0000003" in name:
            raise FileNotFoundError(name)

    job.folder.trouble = missing
    assert job.task(QUESTIONS)[0] == QUESTIONS


def test_many_or_long_answers_are_brought_in_several_objects_that_can_be_read(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "ANSWERS_AN_OBJECT", 4)
    monkeypatch.setattr(answer_block, "MOST_BYTES", 25_000)
    for module in (saver, attempts):
        monkeypatch.setattr(module, "MOST_CHARACTERS", 10_000)
    job.task(QUESTIONS, lambda it: it if it < QUESTIONS[5] else it * 1_000)
    job.stage = 2
    assert job.task([*QUESTIONS, "new"])[1] == ["new"]


PLACE = "0000001-" + 32 * "0"


@pytest.mark.parametrize(
    "name",
    [
        f"{PLACE}-20261399T000000Z-ab-0",
        f"{PLACE}-20261399T000000Z-aaaaaaaa-0",
        f"{PLACE}-00000101T000000Z-aaaaaaaa-0",
        f"{PLACE}-20200101T000000Z-aaaaaaaa-{5_000 * '9'}",
        f"{PLACE}-{FIRST}-\N{SUPERSCRIPT TWO}",
        "read me.txt",
    ],
)
def test_a_name_of_somebody_else_stops_no_task_and_stays(
    job: Job, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    stray = f"spark/rows/{name}"
    job.folder.objects[stray] = b"mine"
    job.task(QUESTIONS[:5])
    job.stage = 2
    assert job.task(QUESTIONS)[1] == QUESTIONS[5:]
    assert job.folder.objects[stray] == b"mine"
    assert f"such as {stray!r}." in caplog.text


@pytest.mark.parametrize(
    "content",
    [b"", b"mine", encoded_marks(range(9))[:-1], encoded_marks(range(500))],
    ids=["empty", "foreign", "cut", "too long"],
)
def test_an_index_of_another_content_is_named_and_passed_over(
    job: Job, content: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(attempts, "LONGEST", 1_000)
    index = f"spark/rows/{PLACE}-{FIRST}-1"
    job.folder.objects[index] = content
    job.stage = 2
    assert job.task(QUESTIONS) == (QUESTIONS, QUESTIONS)
    assert f"{index} in the run folder is damaged and passed over." in caplog.text


def test_only_places_that_nobody_asks_any_more_are_forgotten_and_of_them_only_answers(
    job: Job,
) -> None:
    young = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}-dddddddd"
    for rows in (QUESTIONS[:7], QUESTIONS[:8], QUESTIONS[:9]):
        job.task(rows)
    for index in job.objects("/rows/"):
        job.folder.objects[index.replace(FIRST, "20200101T000000Z-cccccccc")] = (
            job.folder.objects.pop(index)
        )
    forgotten, killed, asked = (
        next(it for it in job.objects("/rows/") if f"000000{n}-" in it) for n in (7, 8, 9)
    )
    # A task was killed between its new index and the old one's deletion; another one begins meanwhile.
    job.folder.objects[killed.replace("20200101T000000Z-cccccccc", young)] = b""
    place = forgotten.rsplit("-", 3)[0].replace("/rows/", "/")
    job.folder.objects[f"{place}/answers/mine.txt"] = b"mine"

    def begins(action: str, name: str) -> None:
        if action == "write" and "/rows/0000001" in name:
            job.folder.objects[asked.replace("20200101T000000Z-cccccccc", young)] = b""

    job.folder.trouble = begins
    job.task(["new"])
    left = [it[len("spark/") :][:7] for it in job.objects("/answers/")]
    assert sorted({*left} - {"0000001"}) == ["0000007", "0000008", "0000009"]
    assert job.objects(place) == [f"{place}/state.json", f"{place}/answers/mine.txt"]


def test_tasks_share_the_limits_a_minute(job: Job) -> None:
    job.task(QUESTIONS, requests_per_minute=100_000)
    assert job.objects("leases/")
