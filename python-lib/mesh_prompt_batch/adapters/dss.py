"""The way to DSS: a recipe's datasets and settings, a macro's project, the way to the Mesh."""

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import IO

import dataiku
from mesh_prompt_batch.adapters.dss_columns import difference, names_and_types, portable
from mesh_prompt_batch.adapters.dss_credentials import TemporaryKeys, candidates
from mesh_prompt_batch.adapters.dss_flow import free_dataset
from mesh_prompt_batch.adapters.dss_partition import partition_by, partition_of
from mesh_prompt_batch.adapters.dss_recipes import last_row_count, read_recipe
from mesh_prompt_batch.adapters.mesh import list_llm_ids
from mesh_prompt_batch.answer_block import Stream
from mesh_prompt_batch.credentials import Accepted, first_accepted
from mesh_prompt_batch.endpoint import Endpoint
from mesh_prompt_batch.errors import SettingsError
from mesh_prompt_batch.flow_recipe import FlowRecipe
from mesh_prompt_batch.output import Cell, Column
from mesh_prompt_batch.plugin_settings import PluginSettings
from mesh_prompt_batch.process import termination_as_exception
from mesh_prompt_batch.run_folder import RunFolder
from mesh_prompt_batch.version import VERSION

logger = logging.getLogger(__name__)

CHUNK_ROWS = 1_000


class InputDataset:
    """A dataset as text: no inference, no dates parsed, no "NA" taken for nothing."""

    def __init__(self, full_name: str, *, ignore_flow: bool = False) -> None:
        """`ignore_flow`: whether it need not be an input of the recipe that runs."""
        self._dataset = dataiku.Dataset(full_name, ignore_flow=ignore_flow)

    def schema(self) -> list[Column]:
        return [dict(column) for column in self._dataset.read_schema()]

    def chunks(self, columns: Sequence[str]) -> Iterator[list[tuple[str, ...]]]:
        return self._read(columns, sampling="head", limit=None)

    def random_rows(self, columns: Sequence[str], number: int) -> list[tuple[str, ...]]:
        """DSS passes over the whole dataset, and sends so many rows."""
        sample = self._read(columns, sampling="random", limit=number)
        return [row for chunk in sample for row in chunk]

    def last_row_count(self) -> int | None:
        return last_row_count(dataiku.api_client(), self._dataset.full_name)

    def _read(
        self, columns: Sequence[str], sampling: str, limit: int | None
    ) -> Iterator[list[tuple[str, ...]]]:
        names = [str(column["name"]) for column in self._dataset.read_schema()]
        frames = self._dataset.iter_dataframes_forced_types(
            names,
            dict.fromkeys(names, str),
            [],
            chunksize=CHUNK_ROWS,
            sampling=sampling,
            limit=limit,
            keep_default_na=False,
        )
        for frame in frames:
            yield list(zip(*(frame[name].tolist() for name in columns), strict=True))


class OutputDataset:
    """A dataset to be written once, all at once."""

    def __init__(self, full_name: str) -> None:
        self._dataset = dataiku.Dataset(full_name)
        self.appends = bool(getattr(self._dataset, "spec_item", {}).get("appendMode"))

    def schema(self) -> list[Column]:
        """Without columns where nothing was ever written."""
        return [dict(column) for column in self._dataset.read_schema(raise_if_empty=False)]

    def check(self, schema: Sequence[Column]) -> None:
        """Raises SettingsError where rows are to be appended under other columns."""
        if not self.appends:
            return
        there = names_and_types(self.schema())
        planned = names_and_types(schema)
        if there and there != planned:
            raise SettingsError(
                f"'Append instead of overwrite' needs the columns that '{self._dataset.short_name}' has; this run would"
                f" write {difference(planned, there)}: change 'Output columns' or 'Input columns to keep', or clear"
                " that dataset."
            )

    def write(self, schema: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> int:
        # Opening the writer clears the output: nothing that can fail comes between it and the rows.
        self._dataset.write_schema([portable(column) for column in schema])
        written = 0
        with self._dataset.get_writer() as writer:
            for row in rows:
                writer.write_tuple(row)
                written += 1
        return written

    def publish(self, metrics: Mapping[str, float]) -> None:
        """As metrics of the dataset, or of the partition that is built."""
        named = partition_of(self._dataset)
        self._dataset.save_external_metric_values(dict(metrics), partition=named)


class ManagedFolder:
    """A managed folder by streams of whole objects: it may lie in a cloud and the job in a container."""

    def __init__(self, full_name: str, *, ignore_flow: bool = False) -> None:
        """One that is no input or output of the recipe is opened by `ignore_flow`."""
        self._folder = dataiku.Folder(full_name, ignore_flow=ignore_flow)

    def names(self) -> list[str]:
        return [path.lstrip("/") for path in self._folder.list_paths_in_partition()]

    def read(self, name: str) -> AbstractContextManager[Stream]:
        return self._folder.get_download_stream(name)

    def has(self, name: str) -> bool:
        details = self._folder.get_path_details(name)
        return bool(details.get("exists")) and not details.get("directory")

    def write(self, name: str, stream: IO[bytes]) -> None:
        self._folder.upload_stream(name, stream)

    def delete(self, name: str) -> None:
        self._folder.delete_path(name)


@dataclass(frozen=True, slots=True)
class Mesh:
    """The way to the LLM Mesh from inside DSS."""

    project_key: str
    plugin: PluginSettings
    temporary_keys: TemporaryKeys

    def connect(self) -> Accepted:
        """The first endpoint that accepts us. Raises EndpointError when none does."""
        client = dataiku.api_client()
        offers = candidates(
            client, self.project_key, self.plugin, _front_address, self.temporary_keys
        )
        return first_accepted(offers, list_llm_ids, time.sleep)

    def list_llms(self, purpose: str) -> list[Mapping[str, object]]:
        """What DSS lists for a purpose; every key but `id` may be missing."""
        project = dataiku.api_client().get_project(self.project_key)
        return [dict(item) for item in project.list_llms(purpose=purpose)]

    def save_variable(self, name: str, value: object) -> None:
        """Into the project's variables, beside the others."""
        dataiku.api_client().get_project(self.project_key).update_variables({name: value})

    def recipe(self, name: str) -> FlowRecipe:
        """A recipe of this project. Raises SettingsError where it is no prompt batch recipe that can be read."""
        return read_recipe(dataiku.api_client().get_project(self.project_key), name)

    def messages_of(self, recipe: FlowRecipe) -> InputDataset:
        return InputDataset(self._full_name(recipe.messages), ignore_flow=True)

    def images_of(self, recipe: FlowRecipe) -> Callable[[], ManagedFolder] | None:
        name = self._full_name(recipe.images)
        return (lambda: ManagedFolder(name, ignore_flow=True)) if recipe.images else None

    def variables(self) -> Mapping[str, str]:
        return dataiku.get_custom_variables()

    def _full_name(self, reference: str) -> str:
        return reference if "." in reference else f"{self.project_key}.{reference}"

    def table_dataset(self, name: str) -> OutputDataset:
        """A dataset of this project that no recipe builds. Raises SettingsError for any other."""
        project = dataiku.api_client().get_project(self.project_key)
        return OutputDataset(f"{self.project_key}.{free_dataset(project, name)}")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What DSS hands to a run of the recipe; partition: the one that it writes, "" where the output has none."""

    config: Mapping[str, object]
    variables: Mapping[str, str]
    messages: InputDataset
    completions: OutputDataset
    failed_rows: OutputDataset | None
    open_images: Callable[[], ManagedFolder] | None
    mesh: Mesh
    output: str
    partition: str
    run_folders: Sequence[str]

    def run_folder(self, folder_id: str) -> Callable[[], RunFolder] | None:
        """The way to it for each thread: the recipe's output, or the one that is named by its id; None without both."""
        name, place = next(iter(self.run_folders), folder_id), (self.output, self.partition)
        if not name:
            return None
        apart = not self.run_folders
        return lambda: RunFolder(ManagedFolder(name, ignore_flow=apart), place, time.sleep)


@contextlib.contextmanager
def recipe_run() -> Iterator[Recipe]:
    """The recipe that this process runs; SIGTERM and errors leave nothing behind."""
    # Only recipes have this module: notebooks import this file too.
    from dataiku import customrecipe  # noqa: PLC0415

    logger.info(f"Prompt batch, version {VERSION} of the plugin.")
    output = customrecipe.get_output_names_for_role("completions")[0]
    flow_variables = getattr(dataiku, "dku_flow_variables", None) or {}
    partition = partition_of(dataiku.Dataset(output)) or partition_by(flow_variables)
    run = output.rpartition(".")[2] + (f", partition {partition}" if partition else "")
    with (
        termination_as_exception(),
        mesh(None, customrecipe.get_plugin_config(), run, alone=True) as way,
    ):
        yield Recipe(
            customrecipe.get_recipe_config(),
            dataiku.get_custom_variables(),
            InputDataset(customrecipe.get_input_names_for_role("messages")[0]),
            OutputDataset(output),
            _optional_dataset(customrecipe.get_output_names_for_role("failed_rows")),
            _image_folder(customrecipe.get_input_names_for_role("images")),
            way,
            output,
            partition,
            customrecipe.get_output_names_for_role("run_folder"),
        )


def _optional_dataset(names: Sequence[str]) -> OutputDataset | None:
    return OutputDataset(names[0]) if names else None


def _image_folder(names: Sequence[str]) -> Callable[[], ManagedFolder] | None:
    return (lambda: ManagedFolder(names[0])) if names else None


@contextlib.contextmanager
def mesh(
    project_key: str | None, plugin_config: Mapping[str, object], run: str, *, alone: bool = False
) -> Iterator[Mesh]:
    """No project key: the project this runs in. `run` and `alone`: as temporary keys have them, within the project."""
    here = project_key or dataiku.default_project_key()
    keys = TemporaryKeys(dataiku.api_client(), f"{here}.{run}", alone)
    plugin = PluginSettings.from_config(plugin_config)
    if plugin.temporary_api_keys:
        keys.delete_leftovers()
    try:
        yield Mesh(here, plugin, keys)
    finally:
        keys.delete()


def endpoint_of_session(project_key: str | None) -> Endpoint:
    """For notebooks and code recipes, where the plugin's settings cannot be read.

    Raises EndpointError when neither the ticket nor the user's secret is accepted.
    """
    client = dataiku.api_client()
    offers = candidates(
        client,
        project_key or dataiku.default_project_key(),
        PluginSettings(),
        _front_address,
        TemporaryKeys(client, "session"),
    )
    return first_accepted(offers, list_llm_ids, time.sleep).endpoint


def _front_address() -> str | None:
    """Address of the port that browsers use, where this process knows it."""
    port = _variable("DKU_NGINX_PORT")
    if not port:
        return None
    protocol = _variable("DKU_BASE_PROTOCOL") or "http"
    host = _variable("DKU_BACKEND_HOST") or "127.0.0.1"
    return f"{protocol}://{host}:{port}"


def _variable(name: str) -> str | None:
    """From the environment, which containers have in a file."""
    try:
        from dataiku.base.remoterun import get_env_var  # noqa: PLC0415  # not in every version
    except ImportError:
        return os.environ.get(name)
    return get_env_var(name, None)
