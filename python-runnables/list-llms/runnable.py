"""Macro List available LLMs: hands DSS the rows of the listing."""

from collections.abc import Callable, Mapping

from dataiku.runnables import ResultTable, Runnable
from mesh_prompt_batch.adapters import dss, mesh
from mesh_prompt_batch.llm_listing import WHOLE_PROGRESS, ListingSettings, listing


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
            table = listing(
                way.list_llms,
                ListingSettings.from_config(self.config),
                lambda: mesh.availability_probe(way.connect(mesh.list_llm_ids).endpoint),
                progress_callback,
            )
        result = ResultTable()
        for column_id, label in table.columns.items():
            result.add_column(column_id, label, "STRING")
        for row in table.rows:
            result.add_record(row)
        return result
