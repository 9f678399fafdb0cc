"""Inside a recipe: a dataset that is larger than what any buffer between storage and reader holds."""

import dataiku
from integration.inside.saying import Told


def seeding_long(kit: Told) -> None:
    output = dataiku.Dataset(kit["long"])
    output.write_schema([{"name": "text", "type": "string"}])
    with output.get_writer() as writer:
        for _ in range(kit["count"]):
            writer.write_row_dict({"text": "x" * kit["width"]})
