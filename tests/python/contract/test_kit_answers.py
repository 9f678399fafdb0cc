"""The kit for a real DSS: what one probe, one input or one letter spoils is its own answer, and no other."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest
from dataikuapi.utils import DataikuException

from integration import job_steps, reading_steps, recipe_steps
from integration.course import performed
from integration.findings import ANSWERED, NOT_ANSWERED, Answer, Step
from integration.jobs import Ran
from integration.target import Target
from integration.workspace import Workspace

KEY = "dkuaps-0123456789abcdefghijklmnopqrstuv"
TARGET = Target("https://dss.example.com", KEY, "openai:c:m")
ROWS = [{"text": "old"}]
WELL = {
    "ticket": {"models": "HTTP 200", "chat": "HTTP 200", "credential": "ticket"},
    "two credentials": "HTTP 400",
    "front": "HTTP 200",
    "process": {
        "run name": "x",
        "log level": "INFO",
        "directory is writable": True,
        "variables": [],
        "backend": "http, this host",
    },
    "versions": {"python": "3.9.1"},
    "table types": {"INT": "taken"},
    "timeouts": {},
    "slow reader": {"iter_rows": {"begun": True, "rows": 3}},
    "zero rows": [],
    "null and empty": {"iter_tuples": ["''", "''"]},
    "extra keys": "refused (Exception)",
    "partition": {"writePartition": "a"},
}


class FakeWork:
    """Jobs that tell what the test says: `told`, or a refusal."""

    def __init__(
        self, told: Mapping[str, Any], state: str = "DONE", log: str = "", refuses: str = ""
    ) -> None:
        self.target, self.version = TARGET, "14.0"
        self.ran = Ran(state, log, told)
        self.refuses = refuses

    def dataset(self, name: str, *, partitioned: bool = False) -> str:
        return name

    folder = dataset

    def code_recipe(
        self, name: str, scripts: Sequence[str], outputs: Sequence[str], *_: Any, **__: Any
    ) -> str:
        return outputs[0]

    def build(self, ref: str, *, partition: str | None = None) -> Ran:
        return Ran("DONE", "", {}) if ref == "kit_nothing" else self.ran

    def run_code(self, name: str, *_: Any, **__: Any) -> Ran:
        if self.refuses and name == "kit_reading_nothing":
            raise DataikuException(self.refuses)
        return Ran("DONE", "", {}) if name.endswith("_seeding") else self.ran

    def rows(self, _name: str) -> list[dict[str, str]]:
        return ROWS


def answers(step: Step, work: FakeWork) -> dict[str, Answer]:
    found = [*performed(step, cast("Workspace", work))]
    return {it.question: it for it in found if isinstance(it, Answer)}


BY_NAME = {it.name: it for it in (*reading_steps.STEPS, *job_steps.STEPS)}
PROBES = [
    ("Credentials of a job", "ticket", "ticket_on_openai_route"),
    ("Credentials of a job", "two credentials", "ticket_and_authorization"),
    ("Credentials of a job", "front", "front_port_in_jobs"),
    ("Surroundings of a job", "process", "surroundings"),
    ("Surroundings of a job", "versions", "dss_version"),
    ("Surroundings of a job", "table types", "result_table_types"),
    ("Reading", "null and empty", "null_and_empty"),
    ("Reading", "extra keys", "extra_keys"),
]


@pytest.mark.parametrize("told", [{"error": "ValueError: x"}, 7, None])
@pytest.mark.parametrize(("step", "probe", "question"), PROBES)
def test_a_probe_that_fails_costs_its_own_answer_alone(
    step: str, probe: str, question: str, told: object
) -> None:
    found = answers(BY_NAME[step], FakeWork({**WELL, probe: told}))
    assert {*found} == {*BY_NAME[step].questions}
    rest = {name for name, it in found.items() if it.state != ANSWERED}
    assert rest <= {question}
    if isinstance(told, dict):
        assert rest == ({question} if question != "front_port_in_jobs" else set())
        assert "ValueError: x" in found[question].answer


@pytest.mark.parametrize(("step", "probe", "question"), PROBES)
def test_a_probe_that_told_nothing_costs_its_own_answer_alone(
    step: str, probe: str, question: str
) -> None:
    told = {name: it for name, it in WELL.items() if name != probe}
    found = answers(BY_NAME[step], FakeWork(told, "FAILED", "first\nlast line"))
    assert {name for name, it in found.items() if it.state != ANSWERED} == {question}
    assert found[question].evidence["end of its log"] == ["first", "last line"]


def zero_rows(work: FakeWork) -> Answer:
    return answers(BY_NAME["An empty dataset"], work)["zero_rows"]


def test_an_empty_input_that_is_refused_is_an_answer_in_dss_s_own_words_alone() -> None:
    words = "ERR_JOB_INPUT_DATASET_NOT_READY_NO_FILES: kit_nothing"
    neither = "neither: a job with such an input is refused before its code runs"
    assert zero_rows(FakeWork(WELL, refuses=words)).answer == neither
    refused = zero_rows(FakeWork({}, "FAILED", words))
    assert (refused.state, refused.answer) == (ANSWERED, neither)
    broken = zero_rows(FakeWork({}, "FAILED", "SyntaxError: invalid syntax"))
    assert broken.state == NOT_ANSWERED
    assert broken.evidence["end of its log"] == ["SyntaxError: invalid syntax"]
    raised = zero_rows(FakeWork({"zero rows": {"error": "EmptyDataError: x"}}))
    assert (raised.state, raised.answer) == (ANSWERED, "reading it raises: EmptyDataError: x")


@pytest.mark.parametrize(
    ("told", "state", "words"),
    [
        (
            {
                "iter_rows": {"begun": True, "rows": 812, "error": "TimeoutError: x"},
            },
            ANSWERED,
            "with a pause of 35 s after the first row iter_rows gives 812 of 20000 rows and raises TimeoutError: x",
        ),
        (
            {"iter_rows": {"begun": False, "rows": 0, "error": "AttributeError: y"}},
            NOT_ANSWERED,
            "iter_rows gives no first row and raises AttributeError: y",
        ),
    ],
)
def test_a_slow_reader_is_told_by_each_way_of_reading(
    told: Mapping[str, Any], state: str, words: str
) -> None:
    found = answers(BY_NAME["A slow reader"], FakeWork({"slow reader": told}))["iter_rows_timeout"]
    assert (found.state, found.answer) == (state, words)


class TwoBuilds(FakeWork):
    """The first with a folder, the second without."""

    def __init__(self, first: Ran, second: Ran) -> None:
        super().__init__({})
        self.each = [first, second]

    def build(self, ref: str, *, partition: str | None = None) -> Ran:
        return self.each.pop(0)


def test_a_folder_beside_partitions_is_refused_only_where_partitions_alone_work() -> None:
    step, broken = BY_NAME["Partitions"], Ran("FAILED", "no such pattern", {})
    alone = Ran("DONE", "", {"partition": {"writePartition": "a"}})
    found = answers(step, TwoBuilds(broken, alone))
    assert found["folder_beside_partitions"].answer == "no, the job ended FAILED"
    assert found["partition_told"].state == ANSWERED
    found = answers(step, TwoBuilds(broken, broken))
    assert [it.state for it in found.values()] == [NOT_ANSWERED] * 2
    assert "no such pattern" in str(found["folder_beside_partitions"].evidence)


def test_what_is_left_of_a_writer_tells_nothing_where_the_recipe_failed_before_it() -> None:
    class Work(FakeWork):
        def run_code(self, *_: Any, **__: Any) -> Ran:
            return Ran("DONE", "", {})

        def change_code(self, *_: Any, **__: Any) -> None: ...

    work = Work({"begun": True}, "FAILED", "no writer for you")
    found = answers(BY_NAME["Writers"], work)
    assert found["output_before_writer"].answer == "the old row is still there, and no other"
    assert [it.state for it in found.values()] == [ANSWERED, NOT_ANSWERED, NOT_ANSWERED]


class Recipe(FakeWork):
    """Whose run ended as the test says."""

    def answer(self, kept: Mapping[str, Any]) -> Answer:
        return recipe_steps.settings_place(kept, self.ran)


def test_settings_that_no_failed_recipe_could_tell_of_are_not_answered() -> None:
    kept = {"config": {"max_concurrency_ceiling": recipe_steps.CEILING}}
    reached = Recipe({}, "FAILED", f"x {recipe_steps.CEILING_KEPT}").answer(kept)
    assert (reached.state, reached.answer) == (ANSWERED, "in `config`; they reach a recipe")
    assert Recipe({}).answer(kept).answer == "in `config`; they do not reach a recipe"
    assert Recipe({}, "FAILED", "no such input").answer({"config": None}).state == NOT_ANSWERED


def test_an_aborted_process_is_listened_to_until_it_is_still() -> None:
    told = iter([{"seconds": it} for it in (0.0, 0.4, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8)])
    last = {"seconds": 0.0}

    def read() -> Mapping[str, Any]:
        last.update(next(told, last))
        return dict(last)

    assert job_steps.stands_still(read, 0.05) == {"seconds": 0.8}
