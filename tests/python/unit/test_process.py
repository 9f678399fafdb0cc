"""Open files, SIGTERM, certificates and causes of failed connections."""

import asyncio
import gc
import resource
import signal
from pathlib import Path

import pytest

from mesh_prompt_batch.connection import is_refused_or_cut, trust
from mesh_prompt_batch.errors import EndpointError
from mesh_prompt_batch.process import (
    OBJECTS_BETWEEN_COLLECTIONS,
    AbortedError,
    affordable_concurrency,
    garbage_seldom_collected,
    termination_as_exception,
)
from our_logs import told


@pytest.mark.parametrize(
    ("limit", "wanted", "affordable"),
    [(1024, 16, 16), (256, 1024, 192), (70, 16, 6), (10, 16, 1), (resource.RLIM_INFINITY, 9, 9)],
)
def test_connections_are_capped_by_the_file_limit(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    limit: int,
    wanted: int,
    affordable: int,
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    assert affordable_concurrency(wanted) == affordable
    assert bool(told(caplog)) == (affordable < wanted)


def test_without_such_a_limit_nothing_is_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "resource", None)
    assert affordable_concurrency(1024) == 1024


def test_sigterm_becomes_an_exception_that_no_handler_of_errors_catches() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with termination_as_exception(), pytest.raises(AbortedError, match="SIGTERM"):
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before
    assert not issubclass(AbortedError, Exception)


def test_garbage_is_collected_as_before_once_a_run_has_ended() -> None:
    before = gc.get_threshold()
    with garbage_seldom_collected():
        assert gc.get_threshold() == (OBJECTS_BETWEEN_COLLECTIONS, *before[1:])
        assert gc.get_freeze_count() > OBJECTS_BETWEEN_COLLECTIONS
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_trust_takes_what_requests_takes(tmp_path: Path) -> None:
    assert trust(True) is True
    assert trust(False) is False
    for content in (None, "no PEM"):
        path = tmp_path / "ca.pem"
        if content:
            path.write_text(content)
        with pytest.raises(EndpointError, match="'CA certificates file'"):
            trust(str(path))


def test_a_slow_network_is_no_cut_one() -> None:
    assert is_refused_or_cut(ConnectionRefusedError())
    assert not is_refused_or_cut(TimeoutError())
    error = ValueError()
    error.__cause__ = ConnectionResetError()
    assert is_refused_or_cut(error)
    assert is_refused_or_cut(ValueError("the server hung up"))
    error.__cause__ = asyncio.TimeoutError()
    assert not is_refused_or_cut(error)
