"""Whatever stands in cells, answers, forms and run folders: nothing runs, hangs or fills memory; errors are ours.

`make fuzz` tries two hundred times as many.
"""

import io
import json
import os
import posixpath
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_prompt_batch import answer_block, listing_settings, plugin_settings, trial
from mesh_prompt_batch import settings as recipe_settings
from mesh_prompt_batch.answer_block import DamagedError, NewerFormatError, answers, blocks
from mesh_prompt_batch.chunk_assembly import ChunkAssembly
from mesh_prompt_batch.conversation import conversation
from mesh_prompt_batch.errors import RequestError, SettingsError, TransientError
from mesh_prompt_batch.event_stream import EventReader
from mesh_prompt_batch.forecast_settings import LABELS as FORECAST_LABELS
from mesh_prompt_batch.forecast_settings import ForecastSettings
from mesh_prompt_batch.found_json import InvalidAnswerError, containers_in
from mesh_prompt_batch.image_cell import images_named
from mesh_prompt_batch.image_parts import shortened
from mesh_prompt_batch.json_schema import JsonSchema
from mesh_prompt_batch.leases import Lease
from mesh_prompt_batch.listing_settings import ListingSettings
from mesh_prompt_batch.outcome_record import UnreadableAnswerError, outcome_of
from mesh_prompt_batch.plugin_settings import PluginSettings
from mesh_prompt_batch.report_tables import runs_table
from mesh_prompt_batch.run_record import RunRecord
from mesh_prompt_batch.schema_text import UnusableSchemaError
from mesh_prompt_batch.settings import Settings
from mesh_prompt_batch.spend_marks import newest_mark
from mesh_prompt_batch.template import MalformedTemplateError, Template
from mesh_prompt_batch.trial import TrialSettings

TIMES = int(os.environ.get("FUZZ", "1"))
fuzzed = settings(max_examples=60 * TIMES)
# What means something to Python, to SQL, to a shell or to a template engine, were it ever given to one.
LURES = [
    "__import__('os').system('false')",
    "{{config.__class__}}",
    "${jndi:ldap://127.0.0.1/a}",
    "{0.__class__.__mro__}",
    "%(x)s %n",
    "'; DROP TABLE outcome; --",
    "$(false)",
    "!!python/object/apply:os.system ['false']",
    "\x00\ud800\u2028",
    "NaN",
    "1e999",
    "9" * 5_000,
    "[" * 5_000,
]
TEXTS = (
    st.text(max_size=40) | st.sampled_from(LURES) | st.text("{}[]\"':,\\ \n<>abc019.-", max_size=60)
)
NUMBERS = st.integers() | st.floats() | st.sampled_from([10**18, -1, 2**63, 1e308])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
JSON = VALUES.map(json.dumps) | TEXTS


def keyed(names: Iterable[str]) -> st.SearchStrategy[dict[str, object]]:
    """Objects with some of these names and anything behind them."""
    return st.dictionaries(st.sampled_from(sorted(names)), VALUES, max_size=8)


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


@fuzzed
@given(st.lists(JSON | st.sampled_from(["```json\n", "```", "<think>", "</think>\n"]), max_size=4))
def test_json_is_found_in_an_answer_or_the_answer_is_invalid(pieces: list[str]) -> None:
    with suppress(InvalidAnswerError):
        assert all(isinstance(it, (dict, list)) for it in containers_in("".join(pieces)))


def block_of(data: bytes, count: int = 1, length: int | None = None) -> bytes:
    """With a checksum that is right: whoever makes one up can do that too."""
    told = (
        answer_block._NAME,
        answer_block.VERSION,
        count,
        len(data) if length is None else length,
    )
    header = answer_block._HEADER.pack(*told, b"")[: answer_block._CHECKSUM_AT]
    return header + answer_block._checksum(header, data) + data


class Counting(io.BytesIO):
    """Remembers the most that it was asked for at once."""

    most = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.most = max(self.most, -1 if size is None else size)
        return super().read(size)


def read_all(data: bytes) -> int:
    stream = Counting(data)
    try:
        return sum(len(list(answers(block))) for block in blocks(stream))
    except (DamagedError, NewerFormatError):
        return 0
    finally:
        assert stream.most <= 1 << 20


@fuzzed
@given(
    st.binary(max_size=200)
    | st.binary(max_size=100).map(lambda it: block_of(zlib.compress(it)))
    | JSON.map(lambda it: block_of(zlib.compress(f"00 1 {it}\n".encode(errors="replace"))))
    | st.integers(0, 2**64 - 1).map(lambda it: block_of(b"x", length=it))
)
def test_an_object_of_answers_is_read_or_damaged(data: bytes) -> None:
    read_all(data)


def test_a_length_reserves_no_memory_and_little_that_unpacks_to_much_is_damaged() -> None:
    tracemalloc.start()
    try:
        assert read_all(block_of(b"x", length=60_000_000)) == 0
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
        bomb = block_of(zlib.compress(b"0" * 400_000_000, 1))
        tracemalloc.reset_peak()
        assert read_all(bomb) == 0
        assert tracemalloc.get_traced_memory()[1] < 4 * answer_block.MOST_BYTES
    finally:
        tracemalloc.stop()


RECORDS = ["attempts", "usage", "llm_id", "latency", "body", "first_token", "error", "words"]


@fuzzed
@given(JSON | keyed([*RECORDS, "status", "answer"]).map(json.dumps))
def test_a_saved_outcome_is_one_or_unreadable(record: str) -> None:
    with suppress(UnreadableAnswerError):
        outcome_of(record)


@fuzzed
@given(st.lists(TEXTS | st.from_regex(r"[\d]{1,400}-[\d.]{1,400}", fullmatch=True), max_size=4))
def test_names_of_objects_tell_something_or_nothing(names: list[str]) -> None:
    newest_mark(names).next(newest_mark(names).total).name("epoch")
    for name in names:
        lease = Lease.from_name(f"p-0a-{name}")
        assert lease is None or lease.name


WHOLE = json.loads(RunRecord("r", "s", "e", "completed", "All.").to_line())


@fuzzed
@given(JSON | keyed(WHOLE).map(lambda it: json.dumps({**WHOLE, **it})))
def test_a_line_of_the_history_is_a_run_that_can_be_shown_or_none(line: str) -> None:
    record = RunRecord.from_line(line)
    if record is not None:
        assert len(runs_table([record, record])) < 10 * len(line) + 10_000


@pytest.mark.parametrize("cost", ["1e999999999", "-1", "NaN", "Infinity", "9" * 60_000])
def test_an_amount_that_is_none_is_not_shown(cost: str) -> None:
    assert RunRecord.from_line(json.dumps({**WHOLE, "cost": cost})) is None


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


@fuzzed
@given(st.lists(st.binary(max_size=30) | st.sampled_from([b"data: {}\n\n", b"\r", b"event:"])))
def test_a_stream_is_events_and_their_chunks_an_answer(pieces: list[bytes]) -> None:
    reader = EventReader()
    assert all(isinstance(data, bytes) for it in pieces for _, data in reader.feed(it))


@fuzzed
@given(
    st.lists(
        keyed(["id", "choices", "usage"])
        | st.builds(
            lambda delta: {"choices": [{"index": 10**9, "delta": delta}]},
            keyed(["content", "role", "tool_calls", "reasoning_content"]),
        ),
        max_size=4,
    )
)
def test_chunks_are_put_together_whatever_they_hold(chunks: list[dict[str, object]]) -> None:
    assembly = ChunkAssembly()
    for chunk in chunks:
        assembly.add(chunk)
    assembly.body()


def test_a_stream_without_line_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mesh_prompt_batch.event_stream.LONGEST_EVENT", 1_000_000)
    line = b"data: " + b"x" * 9_000
    reader = EventReader()
    assert [*reader.feed(line * 100)] == []
    with pytest.raises(TransientError):
        list(reader.feed(line * 100))
    again = EventReader()
    assert all(len([*again.feed(line + b"\n\n")]) == 1 for _ in range(200))


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
