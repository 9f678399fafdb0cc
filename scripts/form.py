"""The plugin's forms, as Dataiku would show them: `make form` serves them here, `make screenshots` takes the pictures.

The page is tests/standin/form_page; each request reads the descriptors anew. Only the standard library is used.
"""

from __future__ import annotations

import argparse
import http.server
import json
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/standin"))

from local_dss.browser import chromium, running  # noqa: E402  # needs the path
from local_dss.form_page import page  # noqa: E402  # as above

if TYPE_CHECKING:
    from collections.abc import Mapping

PICTURES = ROOT / "docs/images"
RECIPE = "recipe mesh-prompt-batch"
WIDTH, HEIGHT = 1280, 900
# Documents with larger pictures are slow to open.
LARGEST_PICTURE = 150_000


@dataclass(frozen=True, slots=True)
class Picture:
    """A form with settings, or some of its sections."""

    name: str
    saved: Mapping[str, object]
    sections: tuple[str, ...] = ()
    form: str = field(default=RECIPE)


def example(name: str) -> dict[str, object]:
    """Settings of examples/, with the fields shown that wait behind the box."""
    saved = json.loads((ROOT / "examples" / name).read_text(encoding="utf-8"))
    return {**saved, "show_advanced": True}


SCHEMA = """{
  "type": "object",
  "properties": {
    "sentiment": {"enum": ["Positive", "Negative"]},
    "stars": {"type": "integer", "minimum": 1, "maximum": 5}
  },
  "required": ["sentiment", "stars"]
}"""
SHOWN = (
    Picture(
        "recipe",
        {
            "llm_id": "openai:main:small",
            "user_column": "user_message",
            "system_column": "system_message",
        },
    ),
    Picture("template", example("reviews.examples.json"), ("Messages", "More about the messages")),
    Picture("json_schema", {"output_format": "json_schema", "json_schema": SCHEMA}, ("Answers",)),
)


class Handler(http.server.BaseHTTPRequestHandler):
    """One page."""

    def do_GET(self) -> None:  # http.server's name
        if self.path != "/":
            self.send_error(404)
            return
        body = page().encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
        """Nothing to say about a request."""


def serve() -> int:
    """Until Ctrl-C."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        print(
            f"http://127.0.0.1:{server.server_port}/ shows the forms; Ctrl-C ends it.", flush=True
        )
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0


def take_pictures() -> int:
    """Into docs/images/. Exit code 2 without Chromium, 1 where a picture is too large."""
    executable = chromium()
    if executable is None:
        print(
            "Chromium is not on the PATH: install it (apt-get install chromium).", file=sys.stderr
        )
        return 2
    PICTURES.mkdir(parents=True, exist_ok=True)
    too_large = 0
    with tempfile.TemporaryDirectory() as folder, running(executable) as browser:
        document = Path(folder) / "form.html"
        document.write_text(page(), encoding="utf-8")
        browser.open(document, WIDTH, HEIGHT)
        for picture in SHOWN:
            browser.evaluate(f"draw({json.dumps(picture.form)}, {json.dumps(picture.saved)})")
            taken = browser.picture(browser.evaluate(f"cut({json.dumps(picture.sections)})"))
            target = PICTURES / f"{picture.name}.png"
            target.write_bytes(taken)
            print(f"{target.relative_to(ROOT)}: {len(taken):,} bytes")
            too_large += len(taken) > LARGEST_PICTURE
    return 1 if too_large else 0


def main() -> int:
    """`serve` or `screenshots`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["serve", "screenshots"])
    return serve() if parser.parse_args().what == "serve" else take_pictures()


if __name__ == "__main__":
    sys.exit(main())
