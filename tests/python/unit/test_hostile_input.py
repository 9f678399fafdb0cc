"""Whatever stands in cells and forms: nothing runs, errors are ours, and twenty times as much text holds nobody up."""

import json
import posixpath
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostile_values import JSON, LURES, TEXTS, TIMES, VALUES, fuzzed, keyed
from mesh_prompt_batch import listing_settings, plugin_settings, trial
from mesh_prompt_batch import settings as recipe_settings
from mesh_prompt_batch.conversation import conversation
from mesh_prompt_batch.errors import RequestError, SettingsError
from mesh_prompt_batch.event_stream import EventReader
from mesh_prompt_batch.forecast_settings import LABELS as FORECAST_LABELS
from mesh_prompt_batch.forecast_settings import ForecastSettings
from mesh_prompt_batch.found_json import InvalidAnswerError, containers_in
from mesh_prompt_batch.image_cell import images_named
from mesh_prompt_batch.image_parts import shortened
from mesh_prompt_batch.json_schema import JsonSchema
from mesh_prompt_batch.listing_settings import ListingSettings
from mesh_prompt_batch.plugin_settings import PluginSettings
from mesh_prompt_batch.schema_text import UnusableSchemaError
from mesh_prompt_batch.settings import Settings
from mesh_prompt_batch.template import MalformedTemplateError, Template
from mesh_prompt_batch.trial import TrialSettings


@fuzzed
@given(TEXTS, st.lists(TEXTS, min_size=3, max_size=3))
def test_a_template_is_text_with_places_and_cells_are_never_templates(
    text: str, cells: list[str]
) -> None:
    whole = "{{a}}" + text + "{{b}}{{c}}"
    with suppress(MalformedTemplateError):
        template = Template.parsed(whole)
        if set(template.columns) <= {"a", "b", "c"}:
            filled = template.filler(["a", "b", "c"])(cells)
            assert filled.startswith(cells[0])
            assert filled.endswith(cells[1] + cells[2])


MESSAGES = keyed(["role", "content", "tool_calls", "tool_call_id", "type", "text", "image_url"])


@fuzzed
@given(JSON | st.lists(MESSAGES | VALUES, max_size=3).map(json.dumps))
def test_a_conversation_is_messages_or_an_invalid_row(cell: str) -> None:
    with suppress(RequestError):
        shortened(conversation(cell))


KEYWORDS = [
    *("type", "properties", "items", "enum", "const", "pattern", "patternProperties", "$ref"),
    *("anyOf", "uniqueItems", "multipleOf", "required", "minLength", "$id", "$defs", "format"),
]


@fuzzed
@given(JSON | keyed(KEYWORDS).map(lambda it: json.dumps({**it, "type": "object"})), VALUES)
def test_a_schema_is_refused_or_judges_any_value(text: str, value: object) -> None:
    with suppress(UnusableSchemaError):
        schema = JsonSchema.parsed(text)
        schema.problem(value)
        for part in schema.properties.values():
            schema.types_of(part)


PATHS = st.lists(
    st.sampled_from(["..", ".", "", "a", "~", "C:", "%2e%2e", "\\", "/", "//", "file:", "etc"]),
    max_size=6,
).map("/".join)


@fuzzed
@given(PATHS | JSON | st.lists(PATHS).map(json.dumps) | TEXTS)
def test_a_path_stays_in_the_folder_and_an_address_is_no_path(cell: str) -> None:
    with suppress(RequestError):
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


FORMS: dict[str, tuple[Iterable[str], Callable[[dict[str, object]], object]]] = {
    "recipe": (recipe_settings.LABELS, lambda it: Settings.from_config(it, {"a": LURES[0]})),
    "plugin": (plugin_settings.LABELS, PluginSettings.from_config),
    "list-llms": (listing_settings.LABELS, ListingSettings.from_config),
    "forecast": (FORECAST_LABELS, ForecastSettings.from_config),
    "try-rows": (trial.LABELS, TrialSettings.from_config),
}


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=40 * TIMES)
@given(st.data())
def test_a_form_is_read_or_refused_in_a_sentence(form: str, data: st.DataObject) -> None:
    labels, parsed = FORMS[form]
    config = data.draw(keyed(labels))
    try:
        parsed(config)
    except SettingsError as error:
        # Whatever was typed in, the banner stays a sentence.
        assert len(str(error)) < 3_000  # noqa: PT017


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
