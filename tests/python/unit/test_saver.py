"""When answers are saved, and in which objects."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import FakeFolder
from mesh_prompt_batch import part_list
from mesh_prompt_batch.errors import RunStoppedError
from mesh_prompt_batch.part_list import Part, PartList
from mesh_prompt_batch.range_file import RangeFile
from mesh_prompt_batch.run_folder import RunFolder
from mesh_prompt_batch.run_store import KeyedRow, RecordedOutcome, RunStore
from mesh_prompt_batch.saver import Saved, Saver


class Bench:
    """A saver over a folder in memory, and a run store that answers are put into."""

    def __init__(self, directory: Path) -> None:
        self.folder = FakeFolder()
        self.store = RunStore(directory)
        self.saved = Saved(RangeFile(directory), PartList())
        self.failures: list[RunStoppedError] = []
        self.saver = Saver(self.open, "answers/e/me-", self.store, self.saved, self.failures.append)
        self.rows = 0

    def open(self) -> RunFolder:
        return RunFolder(self.folder, ("P.answers", ""), lambda _: None)

    def answer(self) -> None:
        self.rows += 1
        self.store.add_rows(self.rows, [KeyedRow(["x"], b"%16d" % self.rows)])
        self.store.record([RecordedOutcome(self.rows, True, "{}")])

    @property
    def parts(self) -> list[str]:
        return [it for it in self.folder.objects if "/answers/" in it]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.store.close()
    bench.saved.ranges.close()
    assert not [it for it in threading.enumerate() if it.name == "prompt-batch-saver"]


@pytest.mark.parametrize(("upload", "pause"), [(0.0, 0.2), (0.1, 0.5), (0.39, 1.95), (3.0, 2.0)])
def test_the_next_save_waits_for_five_uploads_within_bounds(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, upload: float, pause: float
) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    def takes(action: str, name: str) -> None:
        clock[0] += upload * (action == "write")

    bench.folder.trouble = takes
    bench.answer()
    bench.saver._save(bench.open())
    assert bench.saver._next_save - clock[0] == pytest.approx(pause)


def test_all_is_saved_on_demand_and_saving_goes_on(bench: Bench) -> None:
    bench.saver.start()
    for saved in range(1, 4):
        bench.answer()
        bench.saver.save_all()
        assert bench.saved.count == saved
    bench.answer()
    bench.saver.finish(tidy=True)
    assert bench.saved.count == 4


def test_what_cannot_be_saved_is_an_error_at_once(bench: Bench) -> None:
    def read_only(action: str, name: str) -> None:
        if action == "write":
            raise PermissionError

    bench.folder.trouble = read_only
    bench.saver.start()
    bench.answer()
    for act in (bench.saver.save_all, lambda: bench.saver.finish(tidy=True)):
        with pytest.raises(RunStoppedError, match="cannot be written"):
            act()
    assert len(bench.failures) == 1


@pytest.mark.parametrize("tidy", [False, True])
def test_what_is_forgotten_leaves_the_folder_before_a_run_that_went_well_ends(
    bench: Bench, tidy: bool
) -> None:
    names = [f"answers/old/{n}" for n in range(50)]
    for name in names:
        bench.folder.objects[f"P.answers/whole/{name}"] = b""
    held, slow = threading.Event(), threading.Event()

    def wait(action: str, name: str) -> None:
        held.set()
        slow.wait(10)

    bench.folder.trouble = wait
    bench.saver.start()
    bench.saver.tidy([], names)
    held.wait(10)
    finishing = threading.Timer(0.0, bench.saver.finish, kwargs={"tidy": tidy})
    finishing.start()
    while not bench.saver._ending:
        time.sleep(0.001)
    slow.set()
    finishing.join()
    assert len(bench.parts) == (0 if tidy else 49)


def test_tidying_that_fails_ends_nothing(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.folder.objects["P.answers/whole/answers/old/1"] = b""

    def no_deletions(action: str, name: str) -> None:
        if action == "delete":
            raise PermissionError

    bench.folder.trouble = no_deletions
    bench.saver.start()
    bench.saver.tidy([], ["answers/old/1"])
    bench.answer()
    bench.saver.finish(tidy=True)
    assert bench.saved.count == 1
    assert "could not be tidied up: the next run does it" in caplog.text
    assert bench.failures == []


def test_emptied_in_mid_run_the_folder_fills_again(bench: Bench) -> None:
    """Whoever empties it must not end the run."""
    for _ in range(part_list.FAN_IN + 1):
        bench.answer()
        bench.saver._save(bench.open())
        bench.folder.objects.clear()
    while bench.saver._chores:
        bench.saver._tidy_once(bench.open())
    (merged, _) = bench.saved.parts.written
    assert bench.parts == [f"P.answers/whole/{merged.name}"]
    assert merged == Part(merged.name, 0, merged.end, 1)
