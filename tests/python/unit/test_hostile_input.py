"""Whatever stands in cells: nothing runs, errors are ours, and twenty times as much text holds nobody up."""

import json
import posixpath
import re
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audited_calls import nothing_is_run
from hostile_values import JSON, TEXTS, VALUES, counted, fuzzed, nearly
from mesh_prompt_batch.completion import CompletionRequest
from mesh_prompt_batch.conversation import conversation
from mesh_prompt_batch.errors import RequestError
from mesh_prompt_batch.event_stream import EventReader
from mesh_prompt_batch.found_json import InvalidAnswerError, containers_in
from mesh_prompt_batch.image_cell import images_named
from mesh_prompt_batch.image_parts import image_urls, shortened
from mesh_prompt_batch.json_schema import JsonSchema
from mesh_prompt_batch.template import MalformedTemplateError, Template

PLACES = ["{{a}}", "{{ b }}", "{{c}}", "{{{{", "}}", "{", "${a}", "{{", "{{gone}}"]
CELLS = st.sampled_from([*PLACES, "{{b}}{{{{", "${x} {a} {0}", r"\1\g<0>"]) | TEXTS


@fuzzed
@given(
    st.lists(st.sampled_from(PLACES[:7]) | st.sampled_from(PLACES) | TEXTS, max_size=5),
    st.lists(CELLS, min_size=3, max_size=3),
)
def test_a_template_is_text_with_places_and_cells_are_never_templates(
    pieces: list[str], cells: list[str]
) -> None:
    with suppress(MalformedTemplateError), nothing_is_run():
        template = Template.parsed(f"{{{{a}}}}{''.join(pieces)}{{{{b}}}}{{{{c}}}}")
        if ">" not in "".join(template.columns):
            filled = template.filler([*template.columns])
            plain = filled([f"<cell {it}>" for it in template.columns])
            by_name = dict(zip("abc", cells, strict=True))
            hostile = filled([by_name.get(it, it) for it in template.columns])
            assert hostile == re.sub("<cell (.+?)>", lambda it: by_name.get(it[1], it[1]), plain)


PARTS = [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "data:,"}}]
CALLS = [{"id": "c1", "type": "function", "function": {"name": "find", "arguments": "{}"}}]
TALK: list[dict[str, Any]] = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": PARTS},
    {"role": "assistant", "content": None, "tool_calls": CALLS},
    {"role": "tool", "tool_call_id": "c1", "content": ""},
    {"role": "user", "content": "why?"},
]
URLS = [
    "data:;base64,AAAA",
    "data:image/png;base64,\ud800",
    "DATA:;;;base64,=",
    "http://127.0.0.1:9/",
]
CHANGES = (
    VALUES
    | st.sampled_from(["user", "system", "tool", "text", "image_url"])
    | st.sampled_from([*TALK, *PARTS, *({"url": it} for it in URLS)])
)


def sent(cell: str) -> CompletionRequest | None:
    """None where the row is invalid."""
    with suppress(RequestError), nothing_is_run():
        return CompletionRequest("llm", shortened(conversation(cell)), {})
    return None


@fuzzed
@given(nearly(TALK, CHANGES).map(json.dumps) | JSON)
def test_a_conversation_is_messages_that_can_be_sent_or_an_invalid_row(cell: str) -> None:
    request = sent(cell)
    if request is not None:
        json.dumps(request.body(), ensure_ascii=False, allow_nan=False).encode()
        assert all(isinstance(it, str) for it in [*request.texts(), *image_urls(request)])


def test_what_is_drawn_of_conversations_gets_past_the_first_check() -> None:
    fates = Counter[bool]()

    @counted
    @given(nearly(TALK, CHANGES).map(json.dumps))
    def drawn(cell: str) -> None:
        fates[sent(cell) is None] += 1

    drawn()
    assert min(fates.values()) > 10, fates


PATHS = st.lists(
    st.sampled_from(["..", ".", "", "a", "~", "C:", "%2e%2e", "\\", "/", "//", "file:", "etc"]),
    max_size=6,
).map("/".join)


@fuzzed
@given(PATHS | JSON | st.lists(PATHS).map(json.dumps) | TEXTS)
def test_a_path_stays_in_the_folder_and_an_address_is_no_path(cell: str) -> None:
    with suppress(RequestError), nothing_is_run():
        for image in images_named(cell):
            whole = posixpath.normpath(posixpath.join("/folder", image.path))
            assert (whole == "/folder") == (image.path == "")
            assert posixpath.commonpath([whole, "/folder"]) == "/folder"
            assert image.path or image.name.lower().startswith(("http://", "https://", "data:"))


@pytest.mark.parametrize(
    "name",
    [
        *("../../etc/passwd", "a/../../b", "..\\..\\b", "C:\\b", "c:/b"),
        *("file:///etc/passwd", "FILE://x", "ftp://127.0.0.1/a", "gopher://x", "s3://b/k"),
        *("data:text/html;base64,PHNjcmlwdD4=", "data:image/svg+xml,<svg onload=alert(1)>"),
    ],
)
def test_what_leads_elsewhere_costs_its_row(name: str) -> None:
    with pytest.raises(RequestError):
        images_named(name)


SLOW: dict[str, Callable[[int], object]] = {
    "data address": lambda n: shortened(
        conversation(json.dumps([{"role": "user", "content": [image_part("data:" + "a" * n)]}]))
    ),
    "semicolons": lambda n: shortened(
        conversation(json.dumps([{"role": "user", "content": [image_part("data:" + ";a" * n)]}]))
    ),
    "fence": lambda n: list(containers_in("```" + " " * n)),
    "fences": lambda n: list(containers_in("``` a" * n)),
    "braces": lambda n: list(containers_in("{ " * n)),
    "quotes": lambda n: list(containers_in("x" + "' " * n)),
    "thoughts": lambda n: list(containers_in("</think> " * n)),
    "different items": lambda n: JsonSchema.parsed(
        '{"type": "object", "properties": {"a": {"uniqueItems": true}}}'
    ).problem({"a": [{"b": it} for it in range(n // 4)]}),
    "pattern": lambda n: JsonSchema.parsed(
        '{"type": "object", "properties": {"a": {"pattern": "a+a+b"}}}'
    ).problem({"a": "a" * n}),
    "places": lambda n: Template.parsed("{{a}} }" * n),
    "paths": lambda n: images_named("/." * n + "/a"),
    "lines": lambda n: [*EventReader().feed(b"data:\r" * n)],
}


def image_part(url: str) -> dict[str, object]:
    return {"type": "image_url", "image_url": {"url": url}}


@pytest.mark.parametrize("what", SLOW)
def test_twenty_times_as_much_takes_no_hundred_times_as_long(what: str) -> None:
    def seconds(size: int) -> float:
        started = time.process_time()
        with suppress(InvalidAnswerError, RequestError):
            SLOW[what](size)
        return time.process_time() - started

    # A square would be 400 times as long.
    assert seconds(100_000) < 0.5 + 100 * seconds(5_000)
