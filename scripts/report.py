"""The run report of a made-up run as pictures for README; `make screenshots` takes them."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / it) for it in ("tests/standin", "tests/python", "python-lib")]

from made_up_run import told_of  # noqa: E402  # as above

from local_dss.browser import chromium, running  # noqa: E402  # needs the path
from mesh_prompt_batch.report import report_page  # noqa: E402  # as above

PICTURES = ROOT / "docs/images"
ROWS, WIDTH = 24_000, 1100
# Documents with larger pictures are slow to open.
LARGEST_PICTURE = 150_000
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
        print(
            "Chromium is not on the PATH: install it (apt-get install chromium).", file=sys.stderr
        )
        return 2
    too_large = 0
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
            taken = browser.picture(clip)
            target = PICTURES / f"{name}.png"
            target.write_bytes(taken)
            print(f"{target.relative_to(ROOT)}: {len(taken):,} bytes")
            too_large += len(taken) > LARGEST_PICTURE
    return 1 if too_large else 0


if __name__ == "__main__":
    sys.exit(main())
