"""What a run leaves in its run folder, and what the next one makes of it."""

import asyncio
import io
import json
import logging
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from fakes import FakeCalls, FakeFolder, FakeSource, FakeTarget
from mesh_prompt_batch import answer_block, checkpoint, last_run, part_list, saver
from mesh_prompt_batch.answer_block import SavedAnswer, answers, blocks
from mesh_prompt_batch.batch import complete_dataset
from mesh_prompt_batch.checkpoint import FolderCheckpoint, Reuse
from mesh_prompt_batch.errors import (
    LlmError,
    RequestError,
    RunStoppedError,
    SettingsError,
    TransientError,
)
from mesh_prompt_batch.outcome_record import UnreadableAnswerError
from mesh_prompt_batch.process import AbortedError, process_identity
from mesh_prompt_batch.run_folder import RunFolder
from mesh_prompt_batch.run_parts import Workplace
from mesh_prompt_batch.run_state import WRITING, RunState
from mesh_prompt_batch.run_store import RunStore
from mesh_prompt_batch.settings import Settings
from mesh_prompt_batch.totals import Totals

PLACE = ("P.answers", "")
STATE = "P.answers/whole/state.json"


@dataclass
class Recipe:
    """One recipe that runs again and again on one run folder."""

    directory: Path
    folder: FakeFolder = field(default_factory=FakeFolder)
    target: FakeTarget = field(default_factory=FakeTarget)
    partition: str = ""
    slept: list[float] = field(default_factory=list)

    def run(
        self, questions: list[str], rule: Any = str, **config: object
    ) -> tuple[Totals, FakeCalls]:
        calls = rule if isinstance(rule, FakeCalls) else FakeCalls(rule)
        settings = Settings.from_config(
            {"llm_id": "llm", "user_column": "q", "output_columns": "full", **config}, {}
        )
        source = FakeSource(["q"], [(it,) for it in questions], 7)
        place = Workplace(self.directory, self.open_folder, self.slept.append)
        return complete_dataset(source, self.target, settings, lambda _: calls, place), calls

    def open_folder(self) -> RunFolder:
        return RunFolder(self.folder, ("P.answers", self.partition), self.slept.append)

    def state(self) -> dict[str, Any]:
        return json.loads(self.folder.objects[STATE])  # type: ignore[no-any-return]

    def answers(self) -> list[str]:
        return [name for name in self.folder.objects if "/answers/" in name]


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    return Recipe(tmp_path)


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path) -> Iterator[None]:
    yield
    assert not [it for it in threading.enumerate() if it.name.startswith("prompt-batch")]
    assert not list(tmp_path.iterdir())


def stopping_at(question: str) -> Callable[[str], str | Exception]:
    return lambda asked: LlmError("quota", "") if asked == question else asked


@given(
    st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=30),
    st.lists(st.sampled_from("abcdefghij"), max_size=4),
    st.booleans(),
    st.integers(1, 4),
)
@example_settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_however_often_it_stops_no_answer_is_paid_twice(
    tmp_path: Path, questions: list[str], stops: list[str], once: bool, size: int
) -> None:
    recipe, paid = Recipe(tmp_path), list[str]()
    config = {"send_identical_rows_once": once, "max_concurrency": size}
    in_flight = 0
    for stop in stops:
        calls = FakeCalls(stopping_at(stop))
        try:
            recipe.run(questions, calls, **config)
        except RunStoppedError:
            in_flight += calls.cancelled + calls.asked.count(stop)
        else:
            paid += calls.asked
            break
        paid += calls.asked
        assert recipe.target.opened == 0
    else:
        _, calls = recipe.run(questions, **config)
        paid += calls.asked
    assert recipe.target.column("completion") == questions
    needed = len(set(questions)) if once else len(questions)
    assert len(paid) <= needed + in_flight


def test_a_resumed_row_says_so_and_keeps_its_tokens(recipe: Recipe) -> None:
    with pytest.raises(RunStoppedError, match=r"1( of 3)? rows were answered, 0 failed"):
        recipe.run(["a", "b", "c"], stopping_at("b"), max_concurrency=1)
    totals, calls = recipe.run(["a", "b", "c"])
    assert calls.asked == ["b", "c"]
    assert recipe.target.column("source") == ["resumed", "call", "call"]
    assert recipe.target.column("attempts") == [0, 1, 1]
    assert recipe.target.column("prompt_tokens") == [2, 2, 2]
    assert json.loads(str(recipe.target.column("raw_response")[0]))["choices"]
    assert (totals.resumed, totals.completed) == (1, 2)


def test_failed_rows_are_asked_again_and_a_run_without_them_is_closed(recipe: Recipe) -> None:
    recipe.run(["a", "b"], lambda it: RequestError("empty", "") if it == "b" else it)
    assert recipe.target.column("error_type") == [None, "empty"]
    assert recipe.run(["a", "b", "new"])[1].asked == ["b", "new"]
    assert recipe.target.column("completion") == ["a", "b", "new"]
    assert recipe.run(["a", "b", "new"])[1].asked == ["a", "b", "new"]
    assert len(recipe.answers()) == 1


def test_copies_share_the_fate_of_their_original(recipe: Recipe) -> None:
    totals, calls = recipe.run(
        ["a", "bad", "a", "bad"],
        lambda it: RequestError("empty", "none") if it == "bad" else it,
        max_failure_percent=50,
    )
    assert sorted(calls.asked) == ["a", "bad"]
    assert recipe.target.column("completion") == ["a", None, "a", None]
    assert recipe.target.column("error_message") == [None, "none", None, "none"]
    assert recipe.target.column("source") == ["call", "call", "identical", "identical"]
    assert totals.identical == 2


def test_a_row_limit_never_closes(recipe: Recipe) -> None:
    recipe.run(["a", "b", "c"], row_limit=2)
    assert recipe.run(["a", "b", "c"])[1].asked == ["c"]


SAME_ANSWER: list[dict[str, object]] = [
    {"max_concurrency": 3, "adaptive_concurrency": False},
    {"requests_per_minute": 600, "tokens_per_minute": 10**6},
    {"output_columns": "essential", "columns_to_keep": ["q"]},
    {"max_retries": 0, "timeout_seconds": 9, "max_wait_seconds": 9},
    {"time_limit_minutes": 9, "when_stopped": "write"},
    {"on_failure": "stop", "max_failure_percent": 9},
    {"reuse_completions": "always", "keep_answers_days": 9},
    {"row_limit": 2},
    {"send_identical_rows_once": False},
    {"fallback_llm_id": "other"},
    {"messages_mode": "template", "user_template": "{{q}}"},
]
OTHER_ANSWER: list[dict[str, object]] = [
    {"temperature": 1},
    {"temperature": None},
    {"max_tokens": None},
    {"llm_id": "other"},
    {"llm_id_override": "other"},
    {"system_column": "q"},
    {"messages_mode": "template", "user_template": "{{q}}", "system_template": "Be brief."},
    {"examples": [{"user": "u", "assistant": "a"}]},
    {"reuse_completions": "never"},
]


@pytest.mark.parametrize(
    ("change", "asked"),
    [*((it, ["b"]) for it in SAME_ANSWER), *((it, ["a", "b"]) for it in OTHER_ANSWER)],
)
def test_only_what_changes_the_answer_asks_again(
    recipe: Recipe, change: dict[str, object], asked: list[str]
) -> None:
    with pytest.raises(RunStoppedError):
        recipe.run(["a", "b"], stopping_at("b"), max_concurrency=1)
    assert sorted(recipe.run(["a", "b"], **change)[1].asked) == asked


class SlowAtB(FakeCalls):
    """Answers "b" after the time limit of a test."""

    async def _answer(self, question: str) -> Any:
        await asyncio.sleep(1.5 if question == "b" else 0)
        return await super()._answer(question)


def raising(error: BaseException) -> Callable[[str], Any]:
    def rule(question: str) -> str:
        if question == "b":
            raise error
        return question

    return rule


# How a run may end after "a" was answered, and what the next one asks.
ENDS: dict[str, tuple[Any, dict[str, object], str]] = {
    "time limit": (SlowAtB(), {"time_limit_minutes": 1 / 60}, "cd"),
    "a long pause": (
        raising(TransientError("rate_limit", "", status=429, retry_after=900)),
        {},
        "bcd",
    ),
    "quota": (raising(LlmError("quota", "")), {}, "bcd"),
    "credentials": (raising(LlmError("authentication", "")), {}, "bcd"),
    "first failure": (raising(RequestError("empty", "")), {"on_failure": "stop"}, "bcd"),
    "too many failures": (raising(RequestError("empty", "")), {"max_failure_percent": 1}, "b"),
    "an abort": (raising(AbortedError()), {}, "bcd"),
    "an error of ours": (raising(ZeroDivisionError()), {}, "bcd"),
}


@pytest.mark.parametrize("end", ENDS)
def test_however_a_run_ended_the_next_one_goes_on_and_the_log_says_so(
    recipe: Recipe, end: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    rule, config, left = ENDS[end]
    rows = ["a", "b", "c", "d"]
    with pytest.raises((RunStoppedError, AbortedError, ZeroDivisionError)):
        recipe.run(rows, rule, max_concurrency=1, **config)
    assert recipe.target.opened == 0
    assert "Read 4 rows: resuming 0 answers, 0 identical rows, 4 to ask." in caplog.text
    totals, calls = recipe.run(rows, max_concurrency=1)
    assert calls.asked == [*left]
    assert recipe.target.column("completion") == rows
    assert f"resuming {4 - len(left)} answers, 0 identical rows, {len(left)} to ask" in caplog.text
    assert totals.resumed == 4 - len(left)


def test_an_abort_while_rows_are_read_keeps_what_was_answered(
    recipe: Recipe, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    calls = FakeCalls()

    class Aborted(FakeSource):
        def chunks(self, columns: Any) -> Iterator[list[tuple[str, ...]]]:
            yield [("a",), ("b",)]
            while recipe.state()["owner"] and not recipe.answers():
                time.sleep(0.001)
            raise AbortedError

    settings = Settings.from_config({"llm_id": "llm", "user_column": "q"}, {})
    place = Workplace(recipe.directory, recipe.open_folder)
    with pytest.raises(AbortedError):
        complete_dataset(Aborted(["q"], []), recipe.target, settings, lambda _: calls, place)
    assert "Read 2 rows: resuming 0 answers" in caplog.text
    assert set(recipe.run(["a", "b", "c"])[1].asked) == {"a", "b", "c"} - {*calls.asked}


def test_what_was_published_before_its_end_is_not_closed(recipe: Recipe) -> None:
    limit: dict[str, object] = {"time_limit_minutes": 1 / 60, "when_stopped": "write"}
    recipe.run(["a", "b", "c"], SlowAtB(), max_concurrency=1, **limit)
    assert recipe.target.column("error_type") == [None, None, "stopped"]
    assert recipe.run(["a", "b", "c"])[1].asked == ["c"]
    assert recipe.run(["a", "b", "c"])[1].asked == ["a", "b", "c"]


@pytest.mark.parametrize("end", ["quota", "first failure", "too many failures", "an abort"])
def test_only_limits_publish_what_is_answered(recipe: Recipe, end: str) -> None:
    rule, config, _ = ENDS[end]
    with pytest.raises((RunStoppedError, AbortedError)):
        recipe.run(["a", "b", "c"], rule, max_concurrency=1, when_stopped="write", **config)
    assert recipe.target.opened == 0


def test_always_takes_answers_of_finished_runs(recipe: Recipe) -> None:
    recipe.run(["a", "b"], reuse_completions="always")
    assert recipe.run(["a", "b", "c"], reuse_completions="always")[1].asked == ["c"]


def test_without_a_run_folder_always_is_an_error_and_resume_says_what_a_crash_costs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    def run(**config: object) -> None:
        settings = Settings.from_config({"llm_id": "llm", "user_column": "q", **config}, {})
        source = FakeSource(["q"], [("a",)])
        place = Workplace(tmp_path)
        complete_dataset(source, FakeTarget(), settings, lambda _: FakeCalls(), place)

    with pytest.raises(SettingsError, match="'Reuse completions' is always: add a managed folder"):
        run(reuse_completions="always")
    run()
    assert "after a crash the next run pays every call again" in caplog.text


def test_partitions_keep_apart(recipe: Recipe) -> None:
    for partition in ("2026-01", "2026-02"):
        recipe.partition = partition
        with pytest.raises(RunStoppedError):
            recipe.run(["a", "b"], stopping_at("b"), max_concurrency=1)
    recipe.partition = "2026-01"
    assert recipe.run(["a", "b"])[1].asked == ["b"]
    recipe.partition = "2026-02"
    assert recipe.run(["a", "b"])[1].asked == ["b"]


def test_answers_too_old_leave_the_folder(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    clock = [1_000_000.0]
    monkeypatch.setattr("time.time", lambda: clock[0])
    with pytest.raises(RunStoppedError):
        recipe.run(["old", "b"], stopping_at("b"), max_concurrency=1)
    clock[0] += 20 * 86_400
    with pytest.raises(RunStoppedError):
        recipe.run(["old", "young", "b"], stopping_at("b"), max_concurrency=1)
    clock[0] += 20 * 86_400
    assert recipe.run(["old", "young", "b"], keep_answers_days=30)[1].asked == ["old", "b"]
    assert "1 saved answers are older than 'Keep answers (days)' allows: forgotten." in caplog.text
    held = [it for name in recipe.answers() for it in saved_answers(recipe.folder.objects[name])]
    assert sorted(it.saved_at for it in held) == [clock[0] - 20 * 86_400, clock[0], clock[0]]


def saved_answers(data: bytes) -> list[SavedAnswer]:
    return [it for block in blocks(io.BytesIO(data)) for it in answers(block)]


def test_answers_of_a_closed_run_leave_the_folder_with_the_next(recipe: Recipe) -> None:
    recipe.run(["a", "b"])
    (first,) = recipe.answers()
    recipe.run(["c"])
    assert first not in recipe.answers()
    assert sum(len(saved_answers(recipe.folder.objects[it])) for it in recipe.answers()) == 1


def killed_run(recipe: Recipe, questions: list[str], rule: Any = str, **config: object) -> None:
    """As SIGKILL leaves it: what was in the folder at a moment stays, and the owner never said goodbye."""
    kept: dict[str, bytes] = {}

    def last_moment(action: str, name: str) -> None:
        if action == "write" and name == STATE:
            kept.clear()
            kept.update(recipe.folder.objects)

    recipe.folder.trouble = last_moment
    with pytest.raises(RunStoppedError):
        recipe.run(questions, rule, **config)
    recipe.folder.trouble = lambda action, name: None
    recipe.folder.objects = kept


def test_a_killed_run_of_another_machine_is_watched_then_resumed(
    recipe: Recipe, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    killed_run(recipe, ["a", "b"], stopping_at("b"), max_concurrency=1)
    told = recipe.state()
    recipe.folder.objects[STATE] = json.dumps({**told, "process": "elsewhere/1-1"}).encode()
    assert told["owner"]
    assert recipe.run(["a", "b"])[1].asked == ["b"]
    assert sum(recipe.slept) == last_run.WATCH_SECONDS
    assert "watching whether it is alive" in caplog.text


def test_a_killed_run_of_this_machine_is_resumed_at_once(recipe: Recipe) -> None:
    killed_run(recipe, ["a", "b"], stopping_at("b"), max_concurrency=1)
    told = recipe.state()
    ended = re.sub(r"/(\d+)-\d+$", r"/\1-1", told["process"])
    recipe.folder.objects[STATE] = json.dumps({**told, "process": ended}).encode()
    assert recipe.run(["a", "b"])[1].asked == ["b"]
    assert recipe.slept == []


def test_two_runs_at_once_are_refused(recipe: Recipe) -> None:
    running = RunState("e", owner="other", process=process_identity())
    recipe.open_folder().write_state(running)
    with pytest.raises(
        RunStoppedError, match="Another run of this recipe and partition is at work"
    ):
        recipe.run(["a"])
    beats = iter(range(1, 99))

    def beat(seconds: float) -> None:
        recipe.open_folder().write_state(replace(running, process="", beat=next(beats)))

    recipe.open_folder().write_state(replace(running, process=""))
    recipe.slept = type("Beats", (list,), {"append": lambda _, it: beat(it)})()
    with pytest.raises(RunStoppedError, match="Another run"):
        recipe.run(["a"])
    assert recipe.state()["owner"] == "other"


def test_a_run_that_says_goodbye_while_it_is_watched_is_followed_at_once(recipe: Recipe) -> None:
    recipe.open_folder().write_state(RunState("e", owner="other"))

    def leaves(_: float) -> None:
        recipe.open_folder().write_state(RunState("e"))

    recipe.slept = type("Leaves", (list,), {"append": lambda _, it: leaves(it)})()
    assert recipe.run(["a"])[1].asked == ["a"]


def test_a_race_for_the_folder_has_one_winner(recipe: Recipe) -> None:
    def overtakes(action: str, name: str) -> None:
        if action == "names" and STATE in recipe.folder.objects and not overtaken:
            overtaken.append(name)
            recipe.folder.objects[STATE] = RunState("e", owner="faster").to_bytes()

    overtaken: list[str] = []
    recipe.folder.trouble = overtakes
    with pytest.raises(RunStoppedError, match="Another run"):
        recipe.run(["a"])


def test_a_run_that_was_overtaken_stops(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saver, "BEAT_SECONDS", 0.01)

    def takes_over(question: str) -> int:
        recipe.folder.objects[STATE] = RunState("e", owner="other").to_bytes()
        return 10**9

    with pytest.raises(RunStoppedError, match="Another run of this recipe took over"):
        recipe.run(["a"], takes_over)
    assert recipe.state()["owner"] == "other"


def test_its_beat_shows_that_a_run_lives(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saver, "BEAT_SECONDS", 0.005)
    seen = threading.Event()

    class Waiting(FakeCalls):
        async def _answer(self, question: str) -> Any:
            while not recipe.state()["beat"] > 2:  # noqa: ASYNC110  # another thread's doing
                await asyncio.sleep(0.001)
            seen.set()
            return await super()._answer(question)

    recipe.run(["a"], Waiting())
    assert seen.is_set()
    assert recipe.state()["owner"] == ""


def test_killed_while_it_writes_the_next_run_writes_without_a_call(recipe: Recipe) -> None:
    recipe.target.broken = 9
    with pytest.raises(RunStoppedError, match="none is paid twice"):
        recipe.run(["a", "b"])
    assert recipe.state()["phase"] == WRITING
    recipe.target.broken = 0
    assert recipe.run(["a", "b"])[1].asked == []
    assert recipe.target.column("completion") == ["a", "b"]


def test_killed_while_it_appends_the_next_run_names_the_cure(recipe: Recipe) -> None:
    recipe.target = FakeTarget(appends=True, broken=9)
    with pytest.raises(RunStoppedError):
        recipe.run(["a"])
    recipe.target.broken = 0
    with pytest.raises(
        RunStoppedError, match=rf"remove them there, then delete {STATE} in the run"
    ):
        recipe.run(["a"])
    del recipe.folder.objects[STATE]
    assert recipe.run(["a"])[1].asked == []


def test_a_run_that_writes_for_minutes_shows_that_it_lives(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To a machine that cannot see its process."""
    monkeypatch.setattr(saver, "BEAT_SECONDS", 0.005)
    monkeypatch.setattr(checkpoint, "process_identity", lambda: "")
    recipe.slept = type("Slept", (list,), {"append": lambda _, it: time.sleep(it / 100)})()
    refused = list[str]()

    class Slow(FakeTarget):
        def write(self, schema: Any, rows: Any) -> int:
            if not refused:
                refused.append("")
                with pytest.raises(RunStoppedError, match="Another run of this recipe") as told:
                    recipe.run(["a"])
                refused.append(str(told.value))
            return super().write(schema, rows)

    recipe.target = Slow()
    recipe.run(["a"])
    assert len(refused) == 2
    assert recipe.state()["phase"] == "closed"


def test_a_state_that_cannot_be_read_may_be_of_a_run_that_appended(recipe: Recipe) -> None:
    recipe.target = FakeTarget(appends=True)
    recipe.run(["a"])
    recipe.folder.objects[STATE] = recipe.folder.objects[STATE][:30]
    with pytest.raises(RunStoppedError, match="appended to the output, which may hold its rows"):
        recipe.run(["a"])
    del recipe.folder.objects[STATE]
    assert recipe.run(["a"])[1].asked == []


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"format": 1, "other": 2}'])
def test_a_state_that_cannot_be_read_loses_no_answer(
    recipe: Recipe, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(RunStoppedError):
        recipe.run(["a", "b"], stopping_at("b"), max_concurrency=1)
    recipe.folder.objects[STATE] = damage
    assert recipe.run(["a", "b"])[1].asked == ["b"]
    assert "does not say how the last run ended" in caplog.text


def test_what_a_later_version_wrote_stops_the_run(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe.folder.objects[STATE] = json.dumps({"format": 2}).encode()
    with pytest.raises(RunStoppedError, match="A newer version of the plugin wrote"):
        recipe.run(["a"])
    del recipe.folder.objects[STATE]
    with monkeypatch.context() as later:
        later.setattr(answer_block, "VERSION", 2)
        with pytest.raises(RunStoppedError):
            recipe.run(["a", "b"], stopping_at("b"), max_concurrency=1)
    with pytest.raises(RunStoppedError, match="A newer version of the plugin wrote"):
        recipe.run(["a", "b"])


@pytest.mark.parametrize(
    "text",
    ["no answer at all", f"{'00' * 16} soon {{}}\n", "\ud800"],
    ids=["words", "moment", "half"],
)
def test_a_block_that_was_made_up_is_damaged_though_its_checksum_is_right(
    recipe: Recipe, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(RunStoppedError):
        recipe.run(["a", "b"], stopping_at("b"), max_concurrency=1)
    (name,) = recipe.answers()
    recipe.folder.objects[name] = made_up(text)
    assert recipe.run(["a", "b"])[1].asked == ["a", "b"]
    assert f"{name} in the run folder is damaged" in caplog.text


def test_the_run_folder_holds_answers_and_no_prompt(recipe: Recipe) -> None:
    with pytest.raises(RunStoppedError):
        recipe.run(
            ["canary-question", "stop"],
            lambda it: stopping_at("stop")(it) if it == "stop" else "canary-answer",
            max_concurrency=1,
        )
    held = [*recipe.folder.objects.values()]
    held += [
        zlib.decompress(recipe.folder.objects[it][answer_block._HEADER.size :])
        for it in recipe.answers()
    ]
    assert any(b"canary-answer" in it for it in held)
    assert not any(b"canary-question" in it for it in held)


def test_a_made_up_answer_ends_the_run_with_the_cure(recipe: Recipe) -> None:
    with pytest.raises(RunStoppedError):
        recipe.run(["a", "b"], stopping_at("b"), max_concurrency=1)
    (name,) = recipe.answers()
    (block,) = blocks(io.BytesIO(recipe.folder.objects[name]))
    (answer,) = answers(block)
    recipe.folder.objects[name] = made_up(f"{answer.key.hex()} {answer.saved_at} {{}}\n")
    with pytest.raises(UnreadableAnswerError, match="empty the folder, or set 'Reuse completions'"):
        recipe.run(["a", "b"])


def made_up(text: str) -> bytes:
    data = zlib.compress(text.encode(errors="surrogatepass"))
    head = answer_block._HEADER.pack(answer_block._NAME, answer_block.VERSION, 1, len(data), b"")[
        : answer_block._CHECKSUM_AT
    ]
    return head + answer_block._checksum(head, data) + data


@pytest.mark.parametrize("damage", ["cut", "foreign", "gone"])
def test_a_damaged_object_is_named_and_its_answers_asked_again(
    recipe: Recipe, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(RunStoppedError):
        recipe.run(["a", "b"], stopping_at("b"), max_concurrency=1)
    (name,) = recipe.answers()
    if damage == "gone":
        del recipe.folder.objects[name]
    else:
        whole = recipe.folder.objects[name]
        recipe.folder.objects[name] = whole[:-1] if damage == "cut" else b"somebody's zip" * 20
    assert recipe.run(["a", "b"])[1].asked == ["a", "b"]
    assert "1 of them are gone: they are asked again" in caplog.text
    assert damage == "gone" or f"{name} in the run folder is damaged" in caplog.text


Harm = st.sampled_from(["cut", "changed", "copied", "foreign", "gone"])


@given(st.lists(st.tuples(Harm, st.integers(0, 10**6)), max_size=6))
@example_settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_befalls_the_objects_no_row_has_another_s_answer(
    tmp_path: Path, harms: list[tuple[str, int]]
) -> None:
    recipe, rows = Recipe(tmp_path), [f"{n}" for n in range(12)]
    for end in (3, 6, 9):
        with pytest.raises(RunStoppedError):
            recipe.run([*rows[:end], "stop"], stopping_at("stop"), max_concurrency=1)
    for harm, number in harms:
        harmed(recipe, harm, number)
    _, calls = recipe.run(rows)
    assert recipe.target.column("completion") == rows
    assert recipe.target.column("answered_by") == ["llm"] * 12
    assert {*rows[9:]} <= {*calls.asked}
    assert harms or calls.asked == rows[9:]


def harmed(recipe: Recipe, harm: str, number: int) -> None:
    names = recipe.answers()
    if not names:
        return
    name = names[number % len(names)]
    data = recipe.folder.objects[name]
    at = number % max(1, len(data))
    changed = data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :] if data else data
    recipe.folder.objects[name] = {
        "cut": data[:at],
        "changed": changed,
        "copied": data + data[:at],
        "foreign": b"somebody's zip" * number.bit_length(),
        "gone": b"",
    }[harm]
    if harm == "gone":
        del recipe.folder.objects[name]


def test_a_folder_that_cannot_be_written_stops_the_run_before_any_call(recipe: Recipe) -> None:
    def read_only(action: str, name: str) -> None:
        if action == "write":
            raise PermissionError(13, "canary")

    recipe.folder.trouble = read_only
    calls = FakeCalls()
    with pytest.raises(RunStoppedError, match=r"cannot be written \(PermissionError\): check"):
        recipe.run(["a"], calls)
    assert calls.asked == []


def test_a_folder_that_becomes_full_stops_the_run_and_says_what_is_not_saved(
    recipe: Recipe, caplog: pytest.LogCaptureFixture
) -> None:
    def full(action: str, name: str) -> None:
        if action == "write" and "/answers/" in name:
            raise OSError(28, "canary")

    recipe.folder.trouble = full
    with pytest.raises(RunStoppedError, match=r"cannot be written \(OSError\): check"):
        recipe.run(["a", "b", "c"], lambda it: 10**9 if it == "b" else it, max_concurrency=1)
    assert "1 answers of this run are not saved: the next run pays them again." in caplog.text
    assert "canary" not in caplog.text
    assert recipe.target.opened == 0


def test_a_folder_that_stumbles_is_tried_again(
    recipe: Recipe, caplog: pytest.LogCaptureFixture
) -> None:
    stumbles = iter([True, False] * 50)

    def stumble(action: str, name: str) -> None:
        if next(stumbles, False):
            raise ConnectionError("canary")

    recipe.folder.trouble = stumble
    recipe.run(["a", "b"])
    assert recipe.target.column("completion") == ["a", "b"]
    assert "The run folder failed (ConnectionError), attempt 1." in caplog.text
    assert "canary" not in caplog.text


def test_an_unforeseen_error_of_the_saver_ends_the_run(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saver, "encoded", lambda _: 1 // 0)
    with pytest.raises((RunStoppedError, ZeroDivisionError)):
        recipe.run(["a", "b"], lambda it: 10**9 if it == "b" else it)


def test_many_saves_become_few_objects_and_all_are_found(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saver, "SHORTEST_INTERVAL_SECONDS", 0.0)
    monkeypatch.setattr(saver, "UPLOAD_TIMES_BETWEEN", 0.0)
    monkeypatch.setattr("mesh_prompt_batch.feed.FLUSH_SECONDS", 0.0)
    questions = [f"{n}" for n in range(400)]

    class Slow(FakeCalls):
        async def _answer(self, question: str) -> Any:
            await asyncio.sleep(0.002)
            return await super()._answer(question)

    with pytest.raises(RunStoppedError):
        recipe.run([*questions, "stop"], Slow(stopping_at("stop")), max_concurrency=1)
    assert len([it for it in recipe.folder.writes if "/answers/" in it]) > 5 * part_list.FAN_IN
    assert len(recipe.answers()) < 3 * part_list.FAN_IN
    monkeypatch.setattr(part_list, "MOST_FOUND", 0)
    assert recipe.run([*questions, "stop"])[1].asked == ["stop"]
    assert recipe.target.column("completion") == [*questions, "stop"]


def test_killed_between_a_merge_and_its_deletions_nothing_is_read_twice(recipe: Recipe) -> None:
    with pytest.raises(RunStoppedError):
        recipe.run(["a", "b"], stopping_at("b"), max_concurrency=1)
    (name,) = recipe.answers()
    recipe.folder.objects[name + "-merged"] = recipe.folder.objects[name]
    with pytest.raises(RunStoppedError):
        recipe.run(["a", "b"], stopping_at("b"), max_concurrency=1)
    assert recipe.state()["saved"] <= 1
    assert recipe.run(["a", "b"])[1].asked == ["b"]


def test_other_objects_of_the_folder_are_left_alone(recipe: Recipe) -> None:
    recipe.folder.objects |= {"mine.txt": b"mine", "P.answers2/whole/answers/x/y": b"theirs"}
    recipe.run(["a"])
    recipe.run(["a"])
    assert recipe.folder.objects["mine.txt"] == b"mine"
    assert recipe.folder.objects["P.answers2/whole/answers/x/y"] == b"theirs"


def test_the_state_is_kept_in_few_words(recipe: Recipe) -> None:
    recipe.run(["a"])
    assert recipe.state() == {
        "format": 1,
        "epoch": recipe.state()["epoch"],
        "phase": "closed",
        "saved": 1,
        "owner": "",
        "process": "",
        "beat": 2,
    }


def test_what_is_written_is_told_at_once(recipe: Recipe) -> None:
    """Whoever is told to end while it tidies up has written all the same."""
    held = FolderCheckpoint(
        recipe.open_folder, Reuse(), recipe.directory, appends=True, sleep=recipe.slept.append
    )
    with RunStore(recipe.directory) as store, held:
        held.load(store, list[RunStoppedError]().append)
        held.writing()
        assert recipe.state()["phase"] == WRITING
        held.written(closed=True)
        assert (recipe.state()["phase"], bool(recipe.state()["owner"])) == ("closed", True)
    assert recipe.state()["owner"] == ""
