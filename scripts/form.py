"""The plugin's forms, as Dataiku would show them: `make form` serves them here, `make screenshots` takes the pictures.

The page is tests/standin/form_page; each request reads the descriptors anew. Only the standard library is used.
"""

from __future__ import annotations

import argparse
import http.server
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / it) for it in ("", "tests/standin")]

from scripts.screenshots import taken  # noqa: E402  # needs the path

from local_dss.form_page import page  # noqa: E402  # as above

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from local_dss.browser import Browser

RECIPE = "recipe mesh-prompt-batch"
WIDTH, HEIGHT = 1280, 900


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
# Columns of an input that has more than examples/reviews.csv.
MORE_COLUMNS = ["photo", "ask_llm", "longest"]
RECIPE_OF_THE_PROJECT = {"value": "chosen", "label": "compute_answers"}
ADVANCED = {"show_advanced": True}


def advanced(name: str, *sections: str, **saved: object) -> Picture:
    """Sections behind the box, with something filled in."""
    return Picture(name, {**ADVANCED, **saved}, sections)


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
    Picture("conversation", example("reviews.conversation.json"), ("Messages",)),
    Picture("json_schema", {"output_format": "json_schema", "json_schema": SCHEMA}, ("Answers",)),
    advanced(
        "more_llm",
        "More about the LLM",
        output_format="json_schema",
        llm_id_override="${llm_id}",
        fallback_llm_id="openai:main:large",
        stop_sequences=["END"],
    ),
    advanced("images", "Images", image_column="photo"),
    advanced(
        "own_settings",
        "Rows' own settings",
        llm_id_column="ask_llm",
        max_tokens_column="longest",
    ),
    advanced("speed", "Speed and patience", requests_per_minute=500, max_concurrency=32),
    advanced("failures", "Failures", max_failure_percent=5),
    advanced(
        "cost",
        "Cost",
        "Limits",
        price_per_million_input_tokens=0.15,
        price_per_million_output_tokens=0.6,
        spend_limit=5,
        when_stopped="write",
    ),
    advanced("resume", "Resume and reuse"),
    advanced("columns", "Rows and columns", row_limit=20),
    Picture("list_llms", {"check_availability": True}, form="macro list-llms"),
    Picture("forecast", {"recipe": "chosen", "calls": 50, "fail_above": 5}, form="macro forecast"),
    Picture("try_rows", {"recipe": "chosen"}, form="macro try-rows"),
    Picture("plugin", {"max_concurrency_ceiling": 64, "spend_ceiling_per_run": 50}, form="plugin"),
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


def pictures(browser: Browser, folder: Path) -> Iterator[tuple[str, bytes]]:
    document = folder / "form.html"
    document.write_text(page(), encoding="utf-8")
    browser.open(document, WIDTH, HEIGHT)
    browser.evaluate(f"SAMPLE.columns.push(...{json.dumps(MORE_COLUMNS)})")
    browser.evaluate(f"SAMPLE.choices = [{json.dumps(RECIPE_OF_THE_PROJECT)}]")
    for it in SHOWN:
        browser.evaluate(f"draw({json.dumps(it.form)}, {json.dumps(it.saved)})")
        clip = browser.evaluate(f"cut({json.dumps(it.sections)})")
        yield it.name, browser.picture(clip)


def main() -> int:
    """`serve` or `screenshots`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["serve", "screenshots"])
    return serve() if parser.parse_args().what == "serve" else taken(pictures)


if __name__ == "__main__":
    sys.exit(main())
