"""The run report of a made-up run as pictures for README; `make screenshots` takes them."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / it) for it in ("", "tests/standin", "tests/python", "python-lib")]

from made_up_run import told_of  # noqa: E402  # as above
from scripts.few_colours import kept, no_browser  # noqa: E402  # as above

from local_dss.browser import chromium, running  # noqa: E402  # needs the path
from mesh_prompt_batch.report import report_page  # noqa: E402  # as above

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


def main() -> int:
    """Exit code 2 without Chromium, 1 where a picture is too large."""
    executable = chromium()
    if executable is None:
        return no_browser()
    small = []
    with tempfile.TemporaryDirectory() as folder, running(executable) as browser:
        document = Path(folder) / "report.html"
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
            small.append(kept(name, browser.picture(clip)))
    return 0 if all(small) else 1


if __name__ == "__main__":
    sys.exit(main())
