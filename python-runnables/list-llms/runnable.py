"""Macro List available LLMs: hands DSS the rows of the listing."""

from collections.abc import Callable, Mapping

from dataiku.runnables import ResultTable, Runnable
from mesh_prompt_batch.adapters import dss, mesh
from mesh_prompt_batch.adapters.dss_tables import result_table
from mesh_prompt_batch.adapters.price_list import list_price
from mesh_prompt_batch.listing_settings import ListingSettings
from mesh_prompt_batch.llm_checks import WHOLE_PROGRESS
from mesh_prompt_batch.llm_listing import Doors, listing


class ListLlms(Runnable):
    """The table of LLMs; DSS makes one instance a run."""

    def __init__(
        self, project_key: str, config: Mapping[str, object], plugin_config: Mapping[str, object]
    ) -> None:
        self.project_key = project_key
        self.config = config
        self.plugin_config = plugin_config

    def get_progress_target(self) -> tuple[int, str]:
        return WHOLE_PROGRESS, "NONE"

    def run(self, progress_callback: Callable[[int], None]) -> ResultTable:
        with dss.mesh(self.project_key, self.plugin_config, "list-llms") as way:
            doors = Doors(
                way.list_llms,
                lambda: mesh.open_calls(way.connect().endpoint),
                way.save_variable,
                way.table_dataset,
                way.plugin.ceilings,
                list_price,
                progress_callback,
            )
            table = listing(doors, ListingSettings.from_config(self.config))
        return result_table(table)
