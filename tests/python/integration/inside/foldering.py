"""Inside a recipe: one more file in its folder."""

import dataiku
from integration.inside.saying import Told


def foldering(kit: Told) -> None:
    dataiku.Folder(kit["folder"]).upload_data("written_by_recipe.txt", b"new")
