"""The run history: bounded, and patient with what others left in it."""

from fakes import FakeFolder
from mesh_prompt_batch.run_folder import RunFolder
from mesh_prompt_batch.run_history import MOST_RUNS, kept_lines, past_runs, write_lines
from mesh_prompt_batch.run_record import RunRecord

PATH = "P.answers/whole/runs.jsonl"


def line(number: int) -> str:
    return RunRecord(f"run {number}", "2026", "2026", "completed", "").to_line()


def opened(objects: FakeFolder) -> RunFolder:
    return RunFolder(objects, ("P.answers", ""), lambda _: None)


def test_a_folder_without_history_has_no_runs() -> None:
    assert past_runs(opened(FakeFolder())) == []


def test_runs_come_back_oldest_first_and_the_oldest_go() -> None:
    folder = opened(FakeFolder())
    write_lines(folder, [line(n) for n in range(MOST_RUNS + 5)])
    runs = past_runs(folder)
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
    assert [it.run_id for it in past_runs(opened(objects))] == ["run 1", "run 3"]
    objects.objects[PATH] = b"x" * 10**6
    assert kept_lines(opened(objects)) == []
