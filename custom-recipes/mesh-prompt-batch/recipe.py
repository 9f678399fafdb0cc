"""Recipe Prompt batch: hands DSS's datasets, settings and address to the run."""

from pathlib import Path

from mesh_prompt_batch.adapters import dss, mesh_calls, price_list
from mesh_prompt_batch.batch import complete_dataset
from mesh_prompt_batch.ceilings import capped
from mesh_prompt_batch.run_parts import Workplace
from mesh_prompt_batch.settings import Settings
from mesh_prompt_batch.spend_rules import of_partition

with dss.recipe_run() as recipe:
    form = Settings.from_config(recipe.config, recipe.variables)
    settings = capped(of_partition(form, recipe.partition), recipe.mesh.plugin.ceilings)
    complete_dataset(
        recipe.messages,
        recipe.completions,
        settings,
        lambda: mesh_calls.calls_of_run(settings.run, recipe.mesh.connect),
        Workplace(
            Path.cwd(),
            recipe.run_folder(settings.run.run_folder_id),
            open_images=recipe.open_images,
            list_price=price_list.list_price,
            partition=recipe.partition,
        ),
        recipe.failed_rows,
    )
