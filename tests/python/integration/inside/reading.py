"""Inside a recipe: how datasets read, and what a writer does with a key too many."""

import inspect
import time

import dataiku
from integration.inside.saying import Told, attempt


def reading(kit: Told) -> None:
    attempt("timeouts", timeouts, kit)
    attempt("slow reader", slow_reader, kit)
    attempt("zero rows", zero_rows, kit)
    attempt("null and empty", null_and_empty, kit)
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


def null_and_empty(kit: Told) -> object:
    """Of the last row, whose number was written as null and whose question as empty text."""
    dataset = dataiku.Dataset(kit["prompts"])
    *_, row = dataset.iter_tuples()
    named = dict(zip([it["name"] for it in dataset.read_schema()], row))  # noqa: B905  # Python 3.9 has no strict
    frame = dataset.get_dataframe(infer_with_pandas=False, keep_default_na=False)
    columns = ("number", "question")
    return {
        "iter_tuples": [repr(named[it]) for it in columns],
        "get_dataframe": [repr(frame[it].iloc[-1]) for it in columns],
    }


def extra_keys(kit: Told) -> object:
    output = dataiku.Dataset(kit["scratch"])
    output.write_schema([{"name": "text", "type": "string"}])
    with output.get_writer() as writer:
        try:
            writer.write_row_dict({"text": "kept", "unknown": "more"})
        except Exception as error:  # noqa: BLE001  # its type is the answer
            return f"refused ({type(error).__name__})"
    return "taken, the key is left out"
