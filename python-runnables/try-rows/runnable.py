"""Macro Try a prompt batch on a few rows: hands DSS the page."""

from collections.abc import Callable, Mapping

from dataiku.runnables import Runnable
from mesh_prompt_batch.adapters import dss
from mesh_prompt_batch.adapters.recipe_inquiry import recipe_inquiry
from mesh_prompt_batch.trial import WHOLE, TrialSettings, trial


class TryRows(Runnable):
    """Messages and answers side by side; DSS makes one instance a run."""

    def __init__(
        self, project_key: str, config: Mapping[str, object], plugin_config: Mapping[str, object]
    ) -> None:
        self.project_key = project_key
        self.config = config
        self.plugin_config = plugin_config

    def get_progress_target(self) -> tuple[int, str]:
        return WHOLE, "NONE"

    def run(self, progress_callback: Callable[[int], None]) -> str:
        settings = TrialSettings.from_config(self.config)
        with dss.mesh(self.project_key, self.plugin_config, "try-rows") as way:
            return trial(recipe_inquiry(way, settings.recipe), settings.rows, progress_callback)
