"""What code does to the machine, as Python itself reports it: whatever it was given, it must do nothing of this."""

import codecs
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_REACHES_OUT = ("socket.", "subprocess.", "os.exec", "os.system", "os.spawn", "os.posix", "os.fork")
_RUNS = frozenset({"exec", "compile", "open", "import", "pickle.find_class", "urllib.Request"})
# By thread: what was done since `nothing_is_run` was entered.
_noticed: dict[int, list[str]] = {}


@contextmanager
def nothing_is_run() -> Iterator[None]:
    """Code that nobody wrote, commands, connections, files: to be entered where all modules are imported already."""
    noticed = _noticed[threading.get_ident()] = []
    try:
        yield
    finally:
        del _noticed[threading.get_ident()]
        assert noticed == []


def _notice(event: str, arguments: tuple[object, ...]) -> None:
    noticed = _noticed.get(threading.get_ident()) if _noticed else None
    if noticed is None or not (event in _RUNS or event.startswith(_REACHES_OUT)):
        return
    if not _is_of_a_library(arguments):
        noticed.append(f"{event} {arguments}"[:300])


def _is_of_a_library(arguments: tuple[object, ...]) -> bool:
    """jsonschema makes a class a schema, by attrs, which writes methods: their code says so."""
    names = [getattr(it, "co_filename", it) for it in arguments]
    return any(isinstance(it, str) and it.startswith("<attrs generated ") for it in names)


# Python reads these when JSON first comes in them.
for order in ("", "-le", "-be"):
    codecs.lookup(f"utf-16{order}")
    codecs.lookup(f"utf-32{order}")
# A hook stays for good.
sys.addaudithook(_notice)
