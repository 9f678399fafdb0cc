"""Inside a recipe: what is left of two streams of rows after a pause that is longer than the documented time-out."""

import inspect
import time
from typing import Any, Dict, Iterator

import dataiku
from integration.inside.saying import Told, attempt

WAYS = ("iter_rows", "iter_tuples")


def slow_reading(kit: Told) -> None:
    attempt("timeouts", timeouts, kit)
    attempt("slow reader", slow_reader, kit)


def timeouts(_kit: Told) -> object:
    found = {}
    for name in WAYS:
        method = getattr(dataiku.Dataset, name, None)
        known = inspect.signature(method).parameters if method else {}
        found[name] = str(known["timeout"].default) if "timeout" in known else "no such argument"
    return found


def slow_reader(kit: Told) -> object:
    """Both begin before the one pause. Whoever raises tells no less than who just ends."""
    begun: Dict[str, Iterator[Any]] = {}
    found: Dict[str, Told] = {name: {"begun": False, "rows": 0} for name in WAYS}
    for name in WAYS:
        try:
            begun[name] = iter(getattr(dataiku.Dataset(kit["long"]), name)())
            next(begun[name])
            found[name] = {"begun": True, "rows": 1}
        except Exception as error:  # noqa: BLE001  # its type is the answer
            found[name]["error"] = f"{type(error).__name__}: {str(error)[:200]}"
    time.sleep(kit["pause_seconds"])
    for name in WAYS:
        if found[name]["begun"]:
            read_on(begun[name], found[name])
    return found


def read_on(rows: Iterator[Any], found: Told) -> None:
    try:
        for _ in rows:
            found["rows"] += 1
    except Exception as error:  # noqa: BLE001  # its type is the answer
        found["error"] = f"{type(error).__name__}: {str(error)[:200]}"
