"""A recipe of the project with all that asking its rows outside a run takes: for macros and for code."""

from pathlib import Path

from mesh_prompt_batch.adapters import dss, mesh_calls, price_list
from mesh_prompt_batch.ceilings import capped
from mesh_prompt_batch.inquiry import Inquiry
from mesh_prompt_batch.run_parts import Workplace
from mesh_prompt_batch.settings import Settings


def recipe_inquiry(way: dss.Mesh, name: str) -> Inquiry:
    """Within the admins' ceilings. Raises SettingsError where the recipe or its settings cannot work."""
    recipe = way.recipe(name)
    settings = capped(Settings.from_config(recipe.config, way.variables()), way.plugin.ceilings)
    return Inquiry(
        name,
        way.messages_of(recipe),
        settings,
        lambda: mesh_calls.calls_of_run(settings.run, way.connect),
        Workplace(Path.cwd(), open_images=way.images_of(recipe), list_price=price_list.list_price),
    )
