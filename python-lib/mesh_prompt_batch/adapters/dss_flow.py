"""Which datasets of a project a macro may write: those that no recipe builds."""

from collections.abc import Mapping
from typing import Protocol

from mesh_prompt_batch.errors import SettingsError
from mesh_prompt_batch.listing_settings import LABELS


class FlowGraph(Protocol):
    """As dataikuapi has it: `nodes` by name, each with the names of its `predecessors`."""

    nodes: Mapping[str, Mapping[str, object]]


class Flow(Protocol):
    """As dataikuapi has it."""

    def get_graph(self) -> FlowGraph: ...


class Dataset(Protocol):
    """As dataikuapi has it."""

    def exists(self) -> bool: ...


class DSSProject(Protocol):
    """The part of `dataikuapi.DSSProject` that is used here."""

    project_key: str

    def get_flow(self) -> Flow: ...
    def get_dataset(self, dataset_name: str) -> Dataset: ...


def free_dataset(project: DSSProject, name: str) -> str:
    """The short name. Raises SettingsError where it is no dataset of the project, or a recipe builds it."""
    short = name.removeprefix(f"{project.project_key}.")
    label = LABELS["save_to_dataset"]
    if "." in short or not project.get_dataset(short).exists():
        raise SettingsError(
            f"'{label}': there is no dataset {name} in this project: create an empty one first."
        )
    if project.get_flow().get_graph().nodes.get(short, {}).get("predecessors"):
        raise SettingsError(
            f"'{label}': a recipe builds {name} and would write over the table: choose a dataset that no recipe builds."
        )
    return short
