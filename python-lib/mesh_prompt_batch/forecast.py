"""`forecast`: what a recipe's next run will cost, from notebooks and code recipes."""

from decimal import Decimal

from mesh_prompt_batch.forecast_settings import ForecastSettings
from mesh_prompt_batch.forecasting import Forecast, forecast_of


def forecast(
    recipe: str,
    *,
    project_key: str | None = None,
    sample_rows: int = 200,
    calls: int = 0,
    fail_above: Decimal | float | None = None,
) -> Forecast:
    """A forecast of a prompt batch recipe, named as in the flow; `project_key`: another project than this one.

    `sample_rows` requests are built and `calls` of them sent, which is paid; 0 spends nothing and gives bounds in the
    place of intervals. `.cost`, `.seconds`, `.prompt_tokens` and `.completion_tokens` have `.low` and `.high`, measured
    ones `.middle` too. Raises SettingsError where the recipe cannot work, PromptBatchError where `.cost.high` is above
    `fail_above`. Needs Dataiku; the plugin's settings, and so the admins' ceilings, cannot be read from code.
    """
    # Outside Dataiku there is no dataiku, and the rest of the package is of use there.
    from mesh_prompt_batch.adapters import dss  # noqa: PLC0415
    from mesh_prompt_batch.adapters.recipe_inquiry import recipe_inquiry  # noqa: PLC0415

    settings = ForecastSettings.from_config(
        {
            "recipe": recipe,
            "sample_rows": sample_rows,
            "calls": calls,
            "fail_above": None if fail_above is None else float(fail_above),
        }
    )
    with dss.mesh(project_key, {}, "forecast") as way:
        return forecast_of(recipe_inquiry(way, recipe), settings, lambda _: None)
