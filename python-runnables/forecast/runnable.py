"""Macro Forecast a prompt batch: hands DSS the table."""

from collections.abc import Callable, Mapping

from dataiku.runnables import ResultTable, Runnable
from mesh_prompt_batch.adapters import dss
from mesh_prompt_batch.adapters.dss_tables import result_table
from mesh_prompt_batch.adapters.recipe_inquiry import recipe_inquiry
from mesh_prompt_batch.forecast_settings import ForecastSettings
from mesh_prompt_batch.forecast_table import forecast_table
from mesh_prompt_batch.forecasting import WHOLE, forecast_of


class ForecastPromptBatch(Runnable):
    """Cost and duration of a recipe's next run; DSS makes one instance a run."""

    def __init__(
        self, project_key: str, config: Mapping[str, object], plugin_config: Mapping[str, object]
    ) -> None:
        self.project_key = project_key
        self.config = config
        self.plugin_config = plugin_config

    def get_progress_target(self) -> tuple[int, str]:
        return WHOLE, "NONE"

    def run(self, progress_callback: Callable[[int], None]) -> ResultTable:
        settings = ForecastSettings.from_config(self.config)
        with dss.mesh(self.project_key, self.plugin_config, "forecast") as way:
            inquiry = recipe_inquiry(way, settings.recipe)
            table = forecast_table(forecast_of(inquiry, settings, progress_callback), inquiry)
        return result_table(table)
