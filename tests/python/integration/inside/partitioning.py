"""Inside a recipe: the partition that it is told, and a row written to it."""

import dataiku
from integration.inside.saying import Told, attempt


def partitioning(kit: Told) -> None:
    attempt("partition", partition, kit)


def partition(kit: Told) -> object:
    output = dataiku.Dataset(kit["partitioned"])
    output.write_schema([{"name": "text", "type": "string"}])
    with output.get_writer() as writer:
        writer.write_row_dict({"text": "new"})
    return {
        "writePartition": getattr(output, "writePartition", "no such attribute"),
        "flow variables": getattr(dataiku, "dku_flow_variables", "no such attribute"),
    }
