"""Takes pictures of pages in Chromium, into docs/images/."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.few_colours import in_few_colours

from local_dss.browser import Browser, chromium, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs/images"
LARGEST_PICTURE = 60_000


def taken(pictures: Callable[[Browser, Path], Iterator[tuple[str, bytes]]]) -> int:
    """`pictures` gives names and PNGs, and has a folder for its pages.

    Exit code 2 without Chromium, 1 where a picture is too large.
    """
    executable = chromium()
    if executable is None:
        print(
            "Chromium is not on the PATH: install it (apt-get install chromium).", file=sys.stderr
        )
        return 2
    with tempfile.TemporaryDirectory() as folder, running(executable) as browser:
        small = [_kept(name, png) for name, png in pictures(browser, Path(folder))]
    return 0 if all(small) else 1


def _kept(name: str, png: bytes) -> bool:
    """Whether it is small enough."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    small = in_few_colours(png)
    target = FOLDER / f"{name}.png"
    target.write_bytes(small)
    print(f"{target.relative_to(ROOT)}: {len(small):,} bytes")
    return len(small) <= LARGEST_PICTURE
