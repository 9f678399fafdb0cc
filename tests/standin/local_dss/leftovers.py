"""What a component leaves behind in its process: threads, tasks, sockets, files, and what was never closed."""

import asyncio
import contextlib
import gc
import json
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_OPEN = Path("/proc/self/fd")


@contextlib.contextmanager
def told_in(path: Path) -> Iterator[None]:
    """At the end, however it comes, `path` lists what was not there at the beginning."""
    before, threads = _open_files(), {*threading.enumerate()}
    show, warned = warnings.showwarning, list[str]()

    def listen(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if category is ResourceWarning or "never awaited" in str(message):
            warned.append(f"warning: {message}")
        show(message, category, *place, **more)

    warnings.simplefilter("always", ResourceWarning)
    warnings.showwarning = listen
    try:
        yield
    finally:
        left = [*_threads(threads), *_tasks(), *sorted(_open_files() - before)]
        gc.collect()
        path.write_text(json.dumps({"left": left + warned}))


def _threads(before: set[threading.Thread]) -> list[str]:
    return [f"thread {it.name}" for it in threading.enumerate() if it not in before]


def _tasks() -> list[str]:
    # Not `isinstance`: it asks an object for its class, and openai's proxies then import all of openai.
    tasks = [it for it in gc.get_objects() if issubclass(type(it), asyncio.Task)]
    return [f"task {it.get_coro()}" for it in tasks if not it.done()]


def _open_files() -> set[str]:
    """Descriptors with what they stand for; none where the system does not tell."""
    found = set[str]()
    # The listing's own descriptor is gone by the time it is looked at.
    for descriptor in _OPEN.iterdir() if _OPEN.exists() else ():
        with contextlib.suppress(OSError):
            found.add(f"descriptor {descriptor.name}: {descriptor.readlink()}")
    return found
