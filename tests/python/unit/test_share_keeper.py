"""Leases that threads keep in one folder."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from fakes import FakeCalls, FakeFolder, FakeSource, FakeTarget
from mesh_prompt_batch import share_keeper, shares
from mesh_prompt_batch.batch import complete_dataset
from mesh_prompt_batch.own_limits import Share
from mesh_prompt_batch.run_folder import RunFolder
from mesh_prompt_batch.run_parts import Workplace
from mesh_prompt_batch.settings import Settings
from mesh_prompt_batch.share_keeper import ShareKeeper


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for module in (shares, share_keeper):
        monkeypatch.setattr(module, "SETTLE_SECONDS", 0.02)
    yield
    assert not [it for it in threading.enumerate() if it.name.startswith("prompt-batch")]


def keeper(folder: FakeFolder, partition: str) -> ShareKeeper:
    def opened() -> RunFolder:
        return RunFolder(folder, ("P.answers", partition), lambda _: None)

    return ShareKeeper(opened, partition, replaces=True)


def eventually(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.002)


def near(share: Share, wanted: float) -> bool:
    return abs(share(time.monotonic()) - wanted) < 1e-5


def test_runs_share_while_they_live_and_leave_one_small_object_at_most() -> None:
    folder = FakeFolder()
    with ExitStack() as others, keeper(folder, "p0") as mine:
        eventually(lambda: near(mine, 1.0))
        theirs = [others.enter_context(keeper(folder, f"p{n}")) for n in (1, 2)]
        eventually(lambda: all(near(it, 1 / 3) for it in (mine, *theirs)))
        owners = {it.removeprefix("P.answers/leases/")[:2] for it in folder.objects}
        assert owners == {"p0", "p1", "p2"}
        others.close()
        eventually(lambda: near(mine, 1.0))
        eventually(lambda: len(folder.objects) <= 3)
    assert [it.rpartition("-")[2] for it in folder.objects] == ["left"]


def test_a_folder_that_fails_ends_nothing_and_gives_nobody_more(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, broken = FakeFolder(), list[str]()

    def trouble(action: str, name: str) -> None:
        if action in broken:
            broken.append("seen")
            raise OSError("no storage")

    folder.trouble = trouble
    with keeper(folder, "a") as mine:
        eventually(lambda: near(mine, 1.0))
        broken.append("names")
        with keeper(folder, "b") as theirs:
            eventually(lambda: len(broken) > 20)
            assert near(mine, 1.0)
            assert near(theirs, 0.0)
            monkeypatch.setattr(shares, "FENCE_SECONDS", 0.1)
            broken.append("write")
            eventually(lambda: near(mine, 0.0))
            broken.clear()
            monkeypatch.setattr(shares, "FENCE_SECONDS", 20.0)
            eventually(lambda: near(mine, 0.5) and near(theirs, 0.5))
    assert "no call starts while others may have taken this run's share" in caplog.text


def test_objects_of_others_are_named_once_and_stay(caplog: pytest.LogCaptureFixture) -> None:
    folder = FakeFolder()
    strays = [
        f"P.answers/leases/{it}"
        for it in ("read me.txt", "p1-ab-7-500000", "a/p1-ab-00000001-left")
    ]
    folder.objects |= dict.fromkeys(strays, b"mine")
    with keeper(folder, "p0") as mine:
        eventually(lambda: near(mine, 1.0))
        eventually(lambda: any("-00000009-" in it for it in folder.objects))
    assert {*strays} < {*folder.objects}
    assert caplog.text.count("3 objects in the run folder were not written by this plugin") == 1


def run(tmp_path: Path, folder: FakeFolder | None, **config: object) -> FakeCalls:
    calls = FakeCalls()

    def opened() -> RunFolder:
        assert folder is not None
        return RunFolder(folder, ("P.answers", "a"), lambda _: None)

    settings = Settings.from_config({"llm_id": "llm", "user_column": "q", **config}, {})
    place = Workplace(tmp_path, opened if folder is not None else None, partition="a")
    source = FakeSource(["q"], [(it,) for it in "abc"])
    complete_dataset(source, FakeTarget(), settings, lambda: calls, place)
    return calls


def test_a_partition_with_limits_a_minute_keeps_a_lease_while_it_asks(tmp_path: Path) -> None:
    for reuse in ("resume", "never"):
        folder = FakeFolder()
        asked = run(tmp_path, folder, requests_per_minute=60_000, reuse_completions=reuse).asked
        assert sorted(asked) == ["a", "b", "c"]
        assert [it for it in folder.objects if "/leases/" in it]


def test_without_such_limits_nobody_asks_for_others(tmp_path: Path) -> None:
    folder = FakeFolder()
    run(tmp_path, folder)
    assert not [it for it in folder.objects if "/leases/" in it]


def test_without_a_run_folder_limits_hold_for_each_partition_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert len(run(tmp_path, None, tokens_per_minute=60_000).asked) == 3
    assert "'Tokens a minute' hold for each partition on its own" in caplog.text
