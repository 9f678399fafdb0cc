"""What was found out about a row's images, as one more cell: whoever makes its request later reads no file."""

import json
from collections.abc import Mapping, Sequence

from mesh_prompt_batch.errors import invalid_row
from mesh_prompt_batch.image_cell import (
    NamedImage,
    bytes_of_data_url,
    images_named,
    shown,
)
from mesh_prompt_batch.image_file import FolderImage

MOST_BYTES_A_ROW = 50_000_000
Images = tuple[FolderImage | str, ...]
# Either the images' files, or the words of why a file cannot be sent, with {} in the place of its name.
Found = Mapping[str, FolderImage | str]


def found_cell(named: Sequence[NamedImage], found: Found) -> str:
    """`found` has what every path leads to."""
    files = [found[it.path] for it in named if it.path]
    names = [it.name for it in named if it.path]
    for name, file in zip(names, files, strict=True):
        if isinstance(file, str):
            return json.dumps(file.format(shown(name)))
    return json.dumps(
        [[it.media_type, it.size, it.digest] for it in files if isinstance(it, FolderImage)]
    )


def images_of(cell: str, found: str) -> Images:
    """The images that `cell` names, as `found_cell` described them. Raises RequestError (`invalid_row`)."""
    named = images_named(cell)
    if not named:
        return ()
    facts = json.loads(found)
    if isinstance(facts, str):
        raise invalid_row(facts)
    files = iter(facts)
    images = tuple(FolderImage(it.path, *next(files)) if it.path else it.name for it in named)
    size = sum(it.size if isinstance(it, FolderImage) else bytes_of_data_url(it) for it in images)
    if size > MOST_BYTES_A_ROW:
        raise invalid_row(
            f"The images of the row are {size / 1e6:.0f} MB together; at most {MOST_BYTES_A_ROW // 1_000_000} MB can"
            " be sent."
        )
    return images
