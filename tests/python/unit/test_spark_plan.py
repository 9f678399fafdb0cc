"""What a Spark job will do, settled before any task starts."""

import pickle
from collections.abc import Sequence
from pathlib import Path

import pytest

from mesh_prompt_batch import spark_plan
from mesh_prompt_batch.endpoint import Endpoint
from mesh_prompt_batch.errors import RunStoppedError, SettingsError
from mesh_prompt_batch.partition_content import PartitionContent
from mesh_prompt_batch.spark_endpoint import SparkEndpoint
from mesh_prompt_batch.spark_plan import SparkPlan, planned_job
from mesh_prompt_batch.spark_task import in_one_sentence, local_directory

CANARY = "canary-key-0b1d"
ENDPOINT = {
    "url": "https://dss.example.com/",
    "project_key": "DEMO",
    "api_key": CANARY,
    "run_folder": "x1y2z3",
}
COLUMNS = [
    {"name": "id", "type": "bigint"},
    {"name": "review", "type": "string"},
    {"name": "day", "type": "date"},
    {"name": "Completion", "type": "string"},
]
CONFIG = {"llm_id": "llm", "messages_mode": "template", "user_template": "{{day}} {{review}}"}


def planned(**config: object) -> SparkPlan:
    return planned_job(COLUMNS, {**CONFIG, **config}, ENDPOINT)


def test_columns_stay_and_ours_come_behind_them() -> None:
    plan = planned()
    assert plan.kept == ("id", "review", "day", "Completion")
    assert [it["name"] for it in plan.added][:3] == ["completion_1", "error_type", "error_message"]
    assert plan.read == ("review", "day")
    # A string is read where it is, another type comes once more as text.
    assert plan.texts == ("day",)
    assert plan.positions == (1, 4)


def test_columns_that_are_read_need_not_be_kept() -> None:
    plan = planned(columns_to_keep=["id"])
    assert (plan.kept, plan.texts, plan.positions) == (("id",), ("review", "day"), (1, 2))


def test_a_job_that_reads_no_column_counts_rows_by_one() -> None:
    plan = planned(user_template="Tell a joke.")
    assert (plan.read, plan.texts, plan.positions) == (("id",), ("id",), (4,))


def test_a_task_reads_its_columns_alone_and_every_row_it_is_given() -> None:
    plan = planned(row_limit=3)
    assert plan.row_limit == 3
    settings = plan.settings()
    assert settings.output.row_limit is None
    assert settings.output.columns_to_keep == ()
    assert pickle.loads(pickle.dumps(plan)) == plan  # noqa: S301  # our own


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"llm_id": ""}, "'LLM' is missing"),
        ({"temprature": 0.5}, "no parameter 'temprature', perhaps 'temperature'"),
        ({"max_tokens": "many"}, "'Max tokens' must be a number"),
        ({"user_template": "{{reviews}}"}, "no column 'reviews', perhaps 'review'"),
        ({"spend_limit": 5}, "'Spend limit' cannot be held in a Spark job"),
    ],
)
def test_settings_that_cannot_work_are_told_at_once(
    config: dict[str, object], sentence: str
) -> None:
    with pytest.raises(SettingsError, match=sentence):
        planned(**config)


@pytest.mark.parametrize(
    ("columns", "sentence"), [(["a", "A"], "two columns named 'A'"), ([], "no columns")]
)
def test_columns_must_have_names_of_their_own(columns: list[str], sentence: str) -> None:
    described = [{"name": it, "type": "string"} for it in columns]
    with pytest.raises(SettingsError, match=sentence):
        planned_job(described, CONFIG, ENDPOINT)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"url": ""}, r"endpoint\['url'\]' is missing: the address of Dataiku"),
        ({"run_folder": None}, r"endpoint\['run_folder'\]' is missing: .* is not paid twice"),
        ({"api_key": ""}, "needs either 'api_key'"),
        ({"api_key_variable": "KEY"}, "needs either 'api_key'"),
        ({"api_key": CANARY.encode()}, r"endpoint\['api_key'\] must be text"),
        ({"verify": 1}, r"endpoint\['verify'\]' must be True, False"),
        ({"apikey": CANARY}, "no key 'apikey': it takes url"),
    ],
)
def test_an_endpoint_that_cannot_work_is_told_without_a_value_of_it(
    changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(SettingsError, match=sentence) as raised:
        SparkEndpoint.from_dict({**ENDPOINT, **changes})
    assert CANARY not in str(raised.value)


def test_the_key_shows_in_no_text_of_what_travels() -> None:
    plan = planned(user_template=f"{CANARY} {{{{review}}}}")
    assert CANARY not in f"{plan} {plan!r} {plan.endpoint.mesh()!r}"
    assert plan.endpoint.mesh() == Endpoint(
        "https://dss.example.com/dip/publicapi/projects/DEMO/llms/openai/v1/",
        "the API key of the endpoint",
        api_key=CANARY,
        use_environment_proxies=True,
    )


def test_the_key_may_stay_with_the_executors(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = SparkEndpoint.from_dict({**ENDPOINT, "api_key": "", "api_key_variable": "MESH_KEY"})
    assert CANARY.encode() not in pickle.dumps(endpoint)
    with pytest.raises(RunStoppedError, match=r"secretKeyRef\.MESH_KEY"):
        endpoint.key()
    monkeypatch.setenv("MESH_KEY", CANARY)
    assert endpoint.key() == CANARY


def test_an_executor_with_another_version_of_the_package_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = planned()
    monkeypatch.setattr(spark_plan, "VERSION", "0.0.1")
    with pytest.raises(RunStoppedError, match=r"an executor 0\.0\.1: give both the same"):
        plan.settings()


def test_rows_are_known_by_what_they_ask_in_any_order() -> None:
    def name(rows: Sequence[tuple[str, ...]], **config: object) -> str:
        content = PartitionContent({**CONFIG, **config})
        content.add(rows)
        return content.name

    rows: list[tuple[str, ...]] = [("a", "b"), ("c", ""), ("a", "b")]
    assert name(rows) == name(rows[::-1])
    assert name(rows) == name(rows, requests_per_minute=5, fallback_llm_id="other")
    others: list[list[tuple[str, ...]]] = [
        rows[:2],
        [("a", "b"), ("c", ""), ("c", "")],
        [("ab", ""), ("c", ""), ("a", "b")],
    ]
    names = [name(rows), name(rows, temperature=1), *(name(it) for it in others)]
    assert len({*names}) == len(names)


def test_errors_of_a_task_are_one_sentence_of_ours() -> None:
    with (
        pytest.raises(
            RunStoppedError, match=r"ended a task: KeyError in test_spark_plan\.py, line "
        ) as raised,
        in_one_sentence(),
    ):
        raise KeyError(CANARY)
    assert CANARY not in str(raised.value)
    assert raised.value.__suppress_context__
    with pytest.raises(RunStoppedError, match="cannot import 'not_there'"), in_one_sentence():
        __import__("not_there")
    with pytest.raises(RunStoppedError, match=r"^as it is$"), in_one_sentence():
        raise RunStoppedError("as it is")


def test_what_is_large_goes_where_spark_puts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARK_LOCAL_DIRS", f"/not/there,{tmp_path}")
    assert local_directory() == tmp_path
    monkeypatch.delenv("SPARK_LOCAL_DIRS")
    monkeypatch.delenv("LOCAL_DIRS", raising=False)
    assert local_directory().is_dir()
