"""Inside a recipe: how null and empty text read, and what a writer does with a key too many."""

import dataiku
from integration.inside.saying import Told, attempt


def reading(kit: Told) -> None:
    attempt("null and empty", null_and_empty, kit)
    attempt("extra keys", extra_keys, kit)


def null_and_empty(kit: Told) -> object:
    """Of the last row, whose number was written as null and whose question as empty text."""
    dataset = dataiku.Dataset(kit["prompts"])
    *_, row = dataset.iter_tuples()
    named = dict(zip([it["name"] for it in dataset.read_schema()], row))
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
