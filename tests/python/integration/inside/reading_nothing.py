"""Inside a recipe: which chunks an empty dataset gives."""

import dataiku
from integration.inside.saying import Told, attempt


def reading_nothing(kit: Told) -> None:
    attempt("zero rows", zero_rows, kit)


def zero_rows(kit: Told) -> object:
    frames = dataiku.Dataset(kit["nothing"]).iter_dataframes()
    return [len(it) for it in frames]
