"""Inside a recipe: the rows that the others read."""

import dataiku
from integration.inside.saying import Told


def seeding(kit: Told) -> None:
    columns = [{"name": it, "type": "string"} for it in kit["columns"]]
    for name, rows in kit["rows"].items():
        output = dataiku.Dataset(name)
        output.write_schema(columns)
        with output.get_writer() as writer:
            for row in rows:
                writer.write_row_dict(row)
