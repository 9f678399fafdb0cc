"""The macro: what it lists, asks, saves, and when it fails."""

import contextlib
import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

import pytest

from mesh_prompt_batch.ceilings import NO_CEILINGS, Ceilings
from mesh_prompt_batch.completion import CompletionRequest
from mesh_prompt_batch.errors import PromptBatchError, SettingsError, TransientError
from mesh_prompt_batch.listing_settings import ListingSettings
from mesh_prompt_batch.llm_checks import Calls
from mesh_prompt_batch.llm_listing import Doors, TableDataset, listing
from mesh_prompt_batch.llm_table import MOST_VARIABLE_BYTES
from mesh_prompt_batch.prices import Price
from mesh_prompt_batch.table import Table

Items = dict[str, list[dict[str, object]]]
ITEMS: Items = {
    "GENERIC_COMPLETION": [
        {"id": "b:2", "friendlyName": "Beta", "type": "OPENAI", "connection": "Main"},
        {"id": "a:1", "friendlyNameShort": "Short", "type": None},
        {"id": "agent:9"},
        {"id": "both"},
    ],
    "IMAGE_GENERATION": [{"id": "both"}, {"id": "picture"}],
}
DEAD = {"b:2"}
USAGE = {"prompt_tokens": 10, "completion_tokens": 2}
PRICE = Price(Decimal(1), Decimal(5), listed_as="known")


class Stored:
    """A dataset of the project."""

    def __init__(self, *columns: str) -> None:
        self.columns = list(columns)
        self.rows: list[Sequence[str]] = []

    def schema(self) -> list[dict[str, object]]:
        return [{"name": it, "type": "string"} for it in self.columns]

    def write(self, schema: Sequence[Mapping[str, object]], rows: Sequence[Sequence[str]]) -> int:
        assert {it["type"] for it in schema} == {"string"}
        self.columns, self.rows = [str(it["name"]) for it in schema], list(rows)
        return len(rows)


class Crowd:
    """Holds each call for a moment, in which more come where they may; tells how many there were at once."""

    def __init__(self, too_many: int) -> None:
        self.too_many, self.inside, self.most = too_many, 0, 0
        self._seen, self._counting = threading.Event(), threading.Lock()

    def enter(self) -> None:
        with self._counting:
            self.inside += 1
            self.most = max(self.most, self.inside)
        if self.most >= self.too_many:
            self._seen.set()
        self._seen.wait(0.05)
        with self._counting:
            self.inside -= 1


class Macro:
    """Runs the macro over these LLMs; tells whom it asked and what it saved."""

    def __init__(
        self, items: Items = ITEMS, ceilings: Ceilings = NO_CEILINGS, dataset: Stored | None = None
    ) -> None:
        self.items, self.ceilings = items, ceilings
        self.dataset = dataset or Stored()
        self.asked: list[str] = []
        self.progress: list[int] = []
        self.variables: dict[str, object] = {}
        self.crowd: Crowd | None = None

    @contextlib.contextmanager
    def open(self) -> Iterator[Calls]:
        yield Calls(self.ask, self.stream)

    def stream(self, request: CompletionRequest) -> tuple[None, int]:
        self.ask(request)
        return None, 1

    def ask(self, request: CompletionRequest) -> dict[str, object]:
        self.asked.append(request.llm_id)
        if self.crowd is not None:
            self.crowd.enter()
        if request.llm_id in DEAD:
            raise TransientError("server", "words of a provider", status=503)
        told = {} if request.llm_id == "both" else {"usage": USAGE}
        return {"choices": [{"message": {"content": "ok"}, "finish_reason": "stop"}], **told}

    def open_dataset(self, name: str) -> TableDataset:
        assert not self.asked, "an LLM was asked before the settings were known to work"
        if name != "there":
            raise SettingsError(f"no dataset {name}")
        return self.dataset

    def table(self, **config: object) -> Table:
        doors = Doors(
            self.items.__getitem__,
            self.open,
            self.variables.__setitem__,
            self.open_dataset,
            self.ceilings,
            {"a:1": PRICE}.get,
            self.progress.append,
        )
        return listing(doors, ListingSettings.from_config(config))


def test_ids_come_first_sorted_and_what_is_missing_is_blank() -> None:
    table = Macro().table()
    assert list(table.columns) == ["llm_id", "label", "type", "connection", "purposes"]
    assert [row[:4] for row in table.rows] == [
        ["a:1", "Short", "", ""],
        ["agent:9", "", "", ""],
        ["b:2", "Beta", "OPENAI", "Main"],
        ["both", "", "", ""],
    ]


def test_an_llm_of_two_purposes_is_one_row_and_the_filter_looks_at_id_label_and_connection() -> (
    None
):
    purposes = ["GENERIC_COMPLETION", "IMAGE_GENERATION"]
    rows = {row[0]: row[4] for row in Macro().table(purposes=purposes).rows}
    assert rows["both"] == "GENERIC_COMPLETION, IMAGE_GENERATION"
    for wanted in ("B:2", "beta", " mai "):
        assert [row[0] for row in Macro().table(name_filter=wanted).rows] == ["b:2"]


def test_completion_llms_are_asked_and_agents_only_by_name() -> None:
    macro = Macro()
    table = macro.table(check_availability=True)
    assert sorted(macro.asked) == ["a:1", "b:2", "both"]
    assert macro.progress == [33, 66, 100]
    status = {row[0]: row[5:] for row in table.rows}
    assert status["a:1"][0] == "answers"
    assert re.fullmatch(r"\d\.\d\d", status["a:1"][1])
    assert status["b:2"] == ["server (HTTP 503)", ""]
    assert status["agent:9"] == ["not checked", ""]
    named = Macro()
    named.table(check_availability=True, required_llm_ids=["agent:9"], name_filter="a:1")
    assert sorted(named.asked) == ["a:1", "agent:9"]
    nobody = Macro()
    nobody.table(check_availability=True, name_filter="no such thing")
    assert nobody.asked == []


def test_an_llm_that_admins_do_not_allow_is_not_asked() -> None:
    macro = Macro(ceilings=Ceilings(allowed_llm_ids=("a:1",)))
    table = macro.table(check_availability=True)
    assert macro.asked == ["a:1"]
    assert {row[0]: row[5] for row in table.rows} == {
        "a:1": "answers",
        "agent:9": "not checked",
        "b:2": "not allowed",
        "both": "not allowed",
    }
    with pytest.raises(SettingsError, match=r"'Required LLM ids': .*admins do not allow b:2"):
        macro.table(required_llm_ids=["a:1", "b:2"])


@pytest.mark.parametrize(("ceiling", "most"), [(1, 1), (2, 2), (None, 8), (100, 8)])
def test_no_more_llms_are_asked_at_once_than_admins_allow_calls(
    ceiling: int | None, most: int
) -> None:
    items: Items = {"GENERIC_COMPLETION": [{"id": f"openai:main:{n}"} for n in range(10)]}
    macro = Macro(items, Ceilings(max_concurrency=ceiling))
    macro.crowd = Crowd(too_many=most + 1)
    macro.table(check_availability=True)
    assert len(macro.asked) == 10
    assert macro.crowd.most <= most


def test_required_llms_that_are_missing_or_silent_fail_the_step() -> None:
    with pytest.raises(SettingsError, match=r"'Required LLM ids': .* does not list gone, other"):
        Macro().table(required_llm_ids=["a:1", " gone ", "other", "gone"])
    Macro().table(required_llm_ids=["b:2"])
    with pytest.raises(PromptBatchError, match=r"do not answer: b:2 \(server \(HTTP 503\)\)"):
        Macro().table(required_llm_ids=["b:2", "a:1"], check_availability=True)
    with pytest.raises(SettingsError, match=r"list gone .*do not answer: b:2 \(server"):
        Macro().table(required_llm_ids=["b:2", "gone"], check_availability=True)


def test_what_was_found_is_saved_although_the_step_fails() -> None:
    macro = Macro()
    config = {"save_to_variable": "llms", "save_to_dataset": "there", "check_availability": True}
    with pytest.raises(PromptBatchError):
        macro.table(**config, name_filter="b:2", required_llm_ids=["b:2", "gone"])
    assert macro.variables["llms"] == [
        {"id": "b:2", "status": "server (HTTP 503)"},
        {"id": "gone", "status": "missing"},
    ]
    assert macro.dataset.columns[0] == "llm_id"
    assert [row[5] for row in macro.dataset.rows] == ["server (HTTP 503)", "missing"]


def test_the_dataset_gets_the_table_and_its_columns_follow_from_the_settings_alone() -> None:
    macro = Macro()
    table = macro.table(save_to_dataset="there")
    assert macro.dataset.columns == list(table.columns)
    assert macro.dataset.rows == table.rows
    assert not macro.variables
    for required in ("a:1", "gone"):
        with contextlib.suppress(SettingsError):
            macro.table(save_to_dataset="there", required_llm_ids=[required])
        assert macro.dataset.columns[-2:] == ["status", "latency_seconds"]


def test_a_dataset_that_holds_something_else_keeps_it() -> None:
    macro = Macro(dataset=Stored("customer", "llm_id"))
    with pytest.raises(SettingsError, match="'Save to dataset': there has other columns"):
        macro.table(save_to_dataset="there", check_availability=True)
    assert macro.dataset.columns == ["customer", "llm_id"]
    assert not macro.asked
    with pytest.raises(SettingsError, match="no dataset gone"):
        macro.table(save_to_dataset="gone", check_availability=True)
    assert not macro.asked


@pytest.mark.parametrize("llms", [100, 1000])
def test_a_variable_holds_a_list_that_fits_or_none(llms: int) -> None:
    items: Items = {"GENERIC_COMPLETION": [{"id": f"openai:main:{n:04d}"} for n in range(llms)]}
    macro = Macro(items)
    if llms == 100:
        macro.table(save_to_variable=" all_llms ", check_availability=True)
        assert len(json.dumps(macro.variables["all_llms"])) <= MOST_VARIABLE_BYTES
        return
    with pytest.raises(SettingsError, match=r"'Save to variable': 1000 LLMs are too many .*16 kB"):
        macro.table(save_to_variable="all_llms", check_availability=True)
    assert not macro.variables
    assert not macro.asked


@pytest.mark.parametrize("name", ["${llms}", "two words", "1st", "naïve"])
def test_a_variable_that_could_not_be_used_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="'Save to variable' must be a name of letters"):
        Macro().table(save_to_variable=name)


def test_an_unknown_purpose_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"'Purposes' knows .* not 'COOKING'"):
        Macro().table(purposes=["COOKING"])


def test_probing_shows_what_each_llm_does_and_what_that_came_to() -> None:
    macro = Macro(ceilings=Ceilings(allowed_llm_ids=("a:1", "b:2", "both")))
    table = macro.table(probe_capabilities=True, required_llm_ids=["a:1"], save_to_dataset="there")
    rows = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert [*table.columns.values()][5:] == [
        "Status",
        "Latency (seconds)",
        "System message",
        "Streaming",
        "Usage",
        "JSON by prompt",
        "response_format",
        "Tools",
        "Images",
        "temperature",
        "max_tokens",
        "Calls",
        "Tokens",
        "Cost (US dollars, list price)",
    ]
    assert (rows["a:1"]["status"], rows["a:1"]["temperature"]) == ("answers", "accepted")
    assert (rows["a:1"]["usage"], rows["both"]["usage"]) == ("not when streamed", "not reported")
    assert (rows["a:1"]["calls"], rows["a:1"]["tokens"], rows["a:1"]["cost"]) == ("9", "96", "")
    assert (rows["b:2"]["calls"], rows["b:2"]["tokens"], rows["b:2"]["tools"]) == (
        "1",
        "",
        "not checked",
    )
    assert (rows["agent:9"]["status"], rows["agent:9"]["calls"]) == ("not checked", "")
    assert table.title == (
        "19 calls, 96 tokens (10 answers did not tell theirs); no cost is known of 3 of 3 LLMs"
    )
    assert macro.dataset.rows == table.rows
    assert macro.progress[-1] == 100
