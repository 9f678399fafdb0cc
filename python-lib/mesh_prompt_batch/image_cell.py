"""What a cell of the image column says: paths in the folder 'Images', and addresses.

Paths are those of Dataiku's listings: a leading slash is the folder itself, not the machine's root.
"""

import json
import re
from dataclasses import dataclass, field

from mesh_prompt_batch.errors import invalid_row
from mesh_prompt_batch.image_file import LARGEST_IMAGE_BYTES

MOST_IMAGES = 20
_LONGEST_NAME_SHOWN = 200
_ADDRESS = re.compile(r"https?://\S+\Z", re.IGNORECASE)
_DATA = re.compile(r"data:image/[\w.+-]+;base64,", re.IGNORECASE)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_DRIVE = re.compile(r"[a-z]:[\\/]", re.IGNORECASE)
_SEPARATOR = re.compile(r"[\\/]")


@dataclass(frozen=True, slots=True)
class NamedImage:
    """`name` as the cell has it; `path` in the folder, without a leading slash, "" where `name` is an address."""

    name: str = field(repr=False)
    path: str = field(repr=False)


def images_named(cell: str) -> tuple[NamedImage, ...]:
    """Nothing for a blank cell. Raises RequestError (`invalid_row`) for what cannot be an image."""
    names = [name for name in _names(cell.strip()) if name]
    if len(names) > MOST_IMAGES:
        raise invalid_row(f"The row names {len(names)} images; at most {MOST_IMAGES} can be sent.")
    return tuple(map(_named, names))


def shown(name: str) -> str:
    """For an error's sentence: a data URL may be megabytes long."""
    return name if len(name) <= _LONGEST_NAME_SHOWN else f"{name[:_LONGEST_NAME_SHOWN]}…"


def _names(cell: str) -> list[str]:
    if not (cell.startswith("[") and cell.endswith("]")):
        return [line.strip() for line in cell.split("\n")]
    try:
        names = json.loads(cell)
    except (ValueError, RecursionError):
        raise invalid_row("The list of images is no valid JSON.") from None
    if not all(isinstance(name, str) for name in names):
        raise invalid_row("The list of images must hold texts alone: paths or addresses.")
    return [name.strip() for name in names]


def _named(name: str) -> NamedImage:
    _check_characters(name)
    if _ADDRESS.match(name):
        return NamedImage(name, "")
    if name[:5].casefold() == "data:":
        _check_data(name)
        return NamedImage(name, "")
    if _SCHEME.match(name):
        raise invalid_row(f"The image '{shown(name)}' is no valid http, https or data address.")
    if ".." in _SEPARATOR.split(name) or _DRIVE.match(name):
        raise invalid_row(f"The image '{shown(name)}' lies outside the folder 'Images'.")
    path = "/".join(part for part in name.split("/") if part not in {"", "."})
    if not path:
        raise invalid_row(f"The image '{shown(name)}' is no file.")
    return NamedImage(name, path)


def _check_characters(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise invalid_row(
            "The name of an image holds half of a character pair (a lone surrogate)."
        ) from None
    if "\x00" in name:
        raise invalid_row("The name of an image holds a NUL character.")


def _check_data(url: str) -> None:
    head = _DATA.match(url)
    if head is None:
        raise invalid_row(
            f"The image '{shown(url)}' must begin with data:image/…;base64, to be sent."
        )
    if bytes_of_data_url(url) > LARGEST_IMAGE_BYTES:
        raise invalid_row(f"The image '{shown(url)}' {too_large()}")


def too_large() -> str:
    return f"is larger than the {LARGEST_IMAGE_BYTES // 1_000_000} MB that can be sent."


def bytes_of_data_url(url: str) -> int:
    """About: padding is not looked at. 0 for another address."""
    head = _DATA.match(url)
    return (len(url) - head.end()) * 3 // 4 if head else 0
