"""Columns as DSS stores them: what may be written, and how two schemas differ in words."""

from collections.abc import Iterable

from mesh_prompt_batch.output import Column

# Of the database that the input lies in; the output may lie in another one.
_STORAGE_KEYS = ("originalType", "originalSQLType")


def names_and_types(schema: Iterable[Column]) -> list[tuple[str, str]]:
    return [(str(column["name"]), str(column["type"])) for column in schema]


def difference(planned: list[tuple[str, str]], there: list[tuple[str, str]]) -> str:
    new = [f"'{name}' ({kind})" for name, kind in planned if (name, kind) not in there]
    gone = [f"'{name}' ({kind})" for name, kind in there if (name, kind) not in planned]
    parts = [f"{', '.join(new)} in addition"] * bool(new) + [f"no {', '.join(gone)}"] * bool(gone)
    return " and ".join(parts) or "them in another order"


def portable(column: Column) -> dict[str, object]:
    return {key: value for key, value in column.items() if key not in _STORAGE_KEYS}
