"""The run report of a made-up run as pictures for README; `make screenshots` takes them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / it) for it in ("", "tests/standin", "tests/python", "python-lib")]

from made_up_run import told_of  # noqa: E402  # needs the path
from scripts.screenshots import taken  # noqa: E402  # as above

from mesh_prompt_batch.report import report_page  # noqa: E402  # as above

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local_dss.browser import Browser

ROWS, WIDTH = 24_000, 1100
# Each from one part of the page to another.
SHOWN = {
    "report": ("light", "header", "[aria-labelledby=speed]"),
    "report_latency": ("light", "[aria-labelledby=latency]", "[aria-labelledby=errors]"),
    "report_runs": (
        "dark",
        "[aria-labelledby=runs-side-by-side]",
        "[aria-labelledby=runs-side-by-side]",
    ),
}
EDGES = """
[document.querySelector('{}').getBoundingClientRect().top,
 document.querySelector('{}').getBoundingClientRect().bottom]
"""
MARGIN = 16


def pictures(browser: Browser, folder: Path) -> Iterator[tuple[str, bytes]]:
    document = folder / "report.html"
    document.write_text(report_page(told_of(ROWS)), encoding="utf-8")
    for name, (scheme, first, last) in SHOWN.items():
        browser.prefer(scheme)
        browser.open(document, WIDTH, 900)
        top, bottom = browser.evaluate(EDGES.format(first, last))
        clip = {
            "x": 0,
            "y": max(0, top - MARGIN),
            "width": WIDTH,
            "height": bottom - top + 2 * MARGIN,
        }
        yield name, browser.picture(clip)


if __name__ == "__main__":
    sys.exit(taken(pictures))
