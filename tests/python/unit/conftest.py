"""What unit tests share that look at whole runs, or at calls on real sockets."""

import threading
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from resumable_recipe import Recipe
from scripted_endpoint import ScriptedEndpoint


@pytest.fixture
def nothing_is_left(tmp_path: Path) -> Iterator[None]:
    """No thread of a run and no file: a test whose run keeps one takes it away."""
    yield
    assert not [it for it in threading.enumerate() if it.name.startswith("prompt-batch")]
    assert not list(tmp_path.iterdir())


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    return Recipe(tmp_path)


@pytest.fixture
def endpoint() -> Iterator[ScriptedEndpoint]:
    with ScriptedEndpoint() as running:
        yield running


@pytest.fixture
def no_aiohttp(monkeypatch: pytest.MonkeyPatch) -> None:
    """As openai says it where it is not installed."""

    def missing(**_: object) -> None:
        raise RuntimeError("To use the aiohttp client you must have installed it")

    monkeypatch.setattr(openai, "DefaultAioHttpClient", missing)
