"""Inside a recipe: how datasets read, and what a writer does with a key too many."""

import inspect
import time

import dataiku
from integration.inside.saying import Told, attempt


def reading(kit: Told) -> None:
    attempt("timeouts", timeouts, kit)
    attempt("slow reader", slow_reader, kit)
    attempt("zero rows", zero_rows, kit)
    attempt("extra keys", extra_keys, kit)


def timeouts(_kit: Told) -> object:
    found = {}
    for name in ("iter_rows", "iter_tuples"):
        method = getattr(dataiku.Dataset, name, None)
        known = inspect.signature(method).parameters if method else {}
        found[name] = str(known["timeout"].default) if "timeout" in known else "no such argument"
    return found


def slow_reader(kit: Told) -> object:
    """By default, with a pause longer than the documented time-out."""
    rows = dataiku.Dataset(kit["prompts"]).iter_tuples()
    next(rows)
    time.sleep(kit["pause_seconds"])
    return {"pause_seconds": kit["pause_seconds"], "rows after it": sum(1 for _ in rows)}


def zero_rows(kit: Told) -> object:
    frames = dataiku.Dataset(kit["nothing"]).iter_dataframes()
    return [len(it) for it in frames]


def extra_keys(kit: Told) -> object:
    output = dataiku.Dataset(kit["scratch"])
    output.write_schema([{"name": "text", "type": "string"}])
    with output.get_writer() as writer:
        try:
            writer.write_row_dict({"text": "kept", "unknown": "more"})
        except Exception as error:  # noqa: BLE001  # its type is the answer
            return f"refused ({type(error).__name__})"
    return "taken, the key is left out"
