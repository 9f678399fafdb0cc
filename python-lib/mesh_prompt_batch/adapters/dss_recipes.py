"""What DSS tells of a project's recipes and of their inputs: settings, and the last row count."""

import logging
from collections.abc import Mapping
from typing import Protocol

from mesh_prompt_batch.flow_recipe import FlowRecipe, flow_recipe, no_such_recipe

logger = logging.getLogger(__name__)

ROW_COUNT = "records:COUNT_RECORDS"


class RecipeSettings(Protocol):
    """As dataikuapi has it."""

    def get_recipe_raw_definition(self) -> Mapping[str, object]: ...


class DSSRecipe(Protocol):
    """As dataikuapi has it."""

    def get_settings(self) -> RecipeSettings: ...


class RecipeProject(Protocol):
    """The part of `dataikuapi.DSSProject` that is used here."""

    def get_recipe(self, recipe_name: str) -> DSSRecipe: ...


class Metrics(Protocol):
    """As dataikuapi has it."""

    def get_global_value(self, metric_id: str) -> object: ...


class CountedDataset(Protocol):
    """As dataikuapi has it."""

    def get_last_metric_values(self) -> Metrics: ...


class CountingProject(Protocol):
    """As dataikuapi has it."""

    def get_dataset(self, dataset_name: str) -> CountedDataset: ...


class CountingClient(Protocol):
    """The part of `dataikuapi.DSSClient` that is used here."""

    def get_project(self, project_key: str) -> CountingProject: ...


def read_recipe(project: RecipeProject, name: str) -> FlowRecipe:
    """Raises SettingsError where it is no prompt batch recipe that can be read."""
    try:
        definition = project.get_recipe(name).get_settings().get_recipe_raw_definition()
    except Exception as error:  # noqa: BLE001  # not there, not allowed, not reachable: one sentence for all
        raise no_such_recipe(name, type(error).__name__) from None
    return flow_recipe(name, definition)


def last_row_count(client: CountingClient, full_name: str) -> int | None:
    """None where DSS never counted, or does not say."""
    key, _, name = full_name.partition(".")
    try:
        metrics = client.get_project(key).get_dataset(name).get_last_metric_values()
        return int(str(metrics.get_global_value(ROW_COUNT)))
    except Exception as error:  # noqa: BLE001  # a metric less is an exception of no type of its own
        logger.info(f"There is no row count of the input yet ({type(error).__name__}): counting.")
        return None
