"""The run history: bounded, and patient with what others left in it."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_run import told_of

from fakes import FakeFolder
from mesh_prompt_batch.report import Told, report_page
from mesh_prompt_batch.run_folder import RunFolder
from mesh_prompt_batch.run_history import MOST_RUNS, kept_lines, records_of, write_lines
from mesh_prompt_batch.run_record import RunRecord

PATH = "P.answers/whole/runs.jsonl"


def line(number: int) -> str:
    return RunRecord(f"run {number}", "2026", "2026", "completed", "").to_line()


def opened(objects: FakeFolder) -> RunFolder:
    return RunFolder(objects, ("P.answers", ""), lambda _: None)


def test_a_folder_without_history_has_no_runs() -> None:
    assert records_of(kept_lines(opened(FakeFolder()))) == []


def test_runs_come_back_oldest_first_and_the_oldest_go() -> None:
    folder = opened(FakeFolder())
    write_lines(folder, [line(n) for n in range(MOST_RUNS + 5)])
    runs = records_of(kept_lines(folder))
    assert (len(runs), runs[0].run_id, runs[-1].run_id) == (
        MOST_RUNS,
        "run 5",
        f"run {MOST_RUNS + 4}",
    )


def test_lines_that_tell_nothing_are_kept_but_no_runs() -> None:
    objects = FakeFolder()
    newer = line(2).replace('"format":1', '"format":2')
    objects.objects[PATH] = f"{line(1)}\n\n{newer}\n{line(3)}\n{line(4)[:30]}".encode() + b"\xff"
    assert kept_lines(opened(objects)) == [line(1), newer, line(3)]
    assert [it.run_id for it in records_of(kept_lines(opened(objects)))] == ["run 1", "run 3"]
    objects.objects[PATH] = b"x" * 10**6
    assert kept_lines(opened(objects)) == []


TOLD = told_of(50)
WHOLE = json.loads(line(1))
COUNTS = st.integers(0, 10**15) | st.sampled_from([1, 10**15 - 1])
TIMES = st.floats(0, 1e15) | st.sampled_from([5e-324, 0.001, 10**15 - 1])
COSTS = st.decimals(0, 10**15, allow_nan=True).map(str) | st.sampled_from(["", "1e-9999", "0e9999"])


@settings(deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(("rows", "answered", "failed", "prompt_tokens", "unpriced"), COUNTS),
            **dict.fromkeys(("seconds", "p50", "p99"), TIMES),
            **dict.fromkeys(("cost", "spend_limit", "spent_of_limit"), COSTS),
            **dict.fromkeys(("started", "outcome", "run_id"), st.text()),
            "settings": st.dictionaries(
                st.text() | st.just("\ud800"), st.text() | st.just("\ud800")
            ),
        },
    )
)
def test_whatever_run_a_line_tells_of_stands_in_the_report(told: dict[str, object]) -> None:
    earlier = records_of([line(1), json.dumps({**WHOLE, **told}), line(3)])
    report_page(Told("P.answers", TOLD.record, TOLD.course, {}, earlier)).encode()
