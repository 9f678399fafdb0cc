"""The partition that the flow has a recipe write, from whichever place tells it."""

from collections.abc import Mapping

_TARGET = "DKU_DST_"


def partition_of(dataset: object) -> str:
    """As the dataset tells it; "" where it has none."""
    partition = getattr(dataset, "writePartition", None)
    # What DSS calls the one partition of a dataset that has none.
    return "" if partition in (None, "NP") else str(partition)


def partition_by(flow_variables: Mapping[str, object]) -> str:
    """Where the dataset does not tell: apart from every other one, if not by the name that DSS gives it."""
    target = sorted(name for name in flow_variables if name.startswith(_TARGET))
    return ",".join(f"{name[len(_TARGET) :]}={flow_variables[name]}" for name in target)
