"""Writing the output: tried again from the run store, and what cannot be written is kept."""

from pathlib import Path

import pytest

from fakes import FakeCalls, FakeTarget
from memory_run import CANARY, run, source
from mesh_prompt_batch.errors import RunStoppedError

pytestmark = pytest.mark.usefixtures("nothing_is_left")


def test_a_write_that_fails_is_tried_again_from_the_store(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    target, calls = FakeTarget(broken=2), FakeCalls()
    run(source(CANARY), target, calls, tmp_path)
    assert (target.opened, target.column("completion"), calls.asked) == (3, [CANARY], [CANARY])
    assert "Writing the output failed (OSError), attempt 2 of 3." in caplog.text
    assert CANARY not in caplog.text


@pytest.mark.parametrize(("appends", "attempts"), [(False, 3), (True, 1)])
def test_what_cannot_be_written_is_kept_and_named(
    tmp_path: Path, appends: bool, attempts: int
) -> None:
    target = FakeTarget(appends=appends, broken=9)
    with pytest.raises(RunStoppedError) as caught:
        run(source("a"), target, FakeCalls(), tmp_path)
    (kept,) = tmp_path.glob("*.sqlite")
    assert str(kept) in str(caught.value)
    assert target.opened == attempts
    kept.unlink()


def test_a_writer_that_lost_rows_is_not_believed(tmp_path: Path) -> None:
    with pytest.raises(RunStoppedError, match="Of 2 rows 1 were written to the output"):
        run(source("a", "b"), FakeTarget(loses=1), FakeCalls(), tmp_path)
