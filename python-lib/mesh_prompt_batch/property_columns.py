"""The properties of a JSON schema → typed output columns, by the schema alone; a value → its cell."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mesh_prompt_batch.json_schema import JsonSchema
from mesh_prompt_batch.storable import storable

LONGEST_DESCRIPTION = 1_000
_LARGEST = 2**63
# The column of values that have one type; "number" takes whole numbers too.
_COLUMNS = {
    frozenset({"string"}): "string",
    frozenset({"integer"}): "bigint",
    frozenset({"number"}): "double",
    frozenset({"integer", "number"}): "double",
    frozenset({"boolean"}): "boolean",
}
# Not a type of Dataiku: several types, objects and arrays, as JSON text in a string column.
_JSON = "json"


@dataclass(frozen=True, slots=True)
class PropertyColumn:
    """`name` is the column's, before clashes are settled; `key` the property's."""

    key: str
    name: str
    kind: str
    description: str

    @property
    def type(self) -> str:
        return "string" if self.kind == _JSON else self.kind

    def fits(self, value: object) -> bool:
        """Whether the column can hold a value that the schema allows."""
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or self.kind not in ("bigint", "double"):
            return True
        try:
            as_float = float(value)  # type: ignore[arg-type]  # a number, as said above
        except OverflowError:
            return False
        if self.kind == "double":
            return math.isfinite(as_float)
        return math.isfinite(as_float) and -_LARGEST <= int(value) < _LARGEST  # type: ignore[call-overload]  # as above

    def cell(self, value: object) -> str | int | float | None:
        """None for null and for what does not fit."""
        if value is None or not self.fits(value):
            return None
        if self.kind == "string" and isinstance(value, str):
            return storable(value)
        if self.kind == "boolean" and isinstance(value, bool):
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if self.kind == "bigint":
                return int(value)
            if self.kind == "double":
                return float(value)
        return storable(json.dumps(value, ensure_ascii=False)) if self.type == "string" else None


def property_columns(schema: JsonSchema) -> Sequence[PropertyColumn]:
    return [_column(schema, key, it) for key, it in schema.properties.items()]


def _column(schema: JsonSchema, key: str, subschema: object) -> PropertyColumn:
    types = schema.types_of(subschema) or frozenset()
    kind = _COLUMNS.get(types - {"null"}, _JSON)
    told = subschema.get("description") if isinstance(subschema, Mapping) else None
    description = storable(told).strip()[:LONGEST_DESCRIPTION] if isinstance(told, str) else ""
    name = " ".join(storable(key).split()) or "property"
    return PropertyColumn(key, name, kind, description or f"Property '{name}' of the answer.")
