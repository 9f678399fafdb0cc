"""The macro's table."""

import contextlib
from collections.abc import Iterator

import pytest

from mesh_prompt_batch.errors import PromptBatchError, SettingsError
from mesh_prompt_batch.llm_listing import Availability, ListingSettings, Probe, Table, listing

ITEMS: dict[str, list[dict[str, object]]] = {
    "GENERIC_COMPLETION": [
        {"id": "b:2", "friendlyName": "Beta", "type": "OPENAI", "connection": "Main"},
        {"id": "a:1", "friendlyNameShort": "Short", "type": None},
        {"id": "agent:9"},
        {"id": "both"},
    ],
    "IMAGE_GENERATION": [{"id": "both"}, {"id": "picture"}],
}
DEAD = {"b:2"}


class Probing:
    def __init__(self) -> None:
        self.asked: list[str] = []
        self.progress: list[int] = []

    @contextlib.contextmanager
    def open(self) -> Iterator[Probe]:
        yield self.probe

    def probe(self, llm_id: str) -> Availability:
        self.asked.append(llm_id)
        if llm_id in DEAD:
            return Availability("server (HTTP 503)", answers=False)
        return Availability("answers", answers=True, latency_seconds=0.256)

    def table(self, **config: object) -> Table:
        settings = ListingSettings.from_config(config)
        return listing(ITEMS.__getitem__, settings, self.open, self.progress.append)


def test_ids_come_first_sorted_and_what_is_missing_is_blank() -> None:
    table = Probing().table()
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
    rows = {row[0]: row[4] for row in Probing().table(purposes=purposes).rows}
    assert rows["both"] == "GENERIC_COMPLETION, IMAGE_GENERATION"
    for wanted in ("B:2", "beta", " mai "):
        assert [row[0] for row in Probing().table(name_filter=wanted).rows] == ["b:2"]


def test_completion_llms_are_asked_and_agents_only_by_name() -> None:
    probing = Probing()
    table = probing.table(check_availability=True)
    assert sorted(probing.asked) == ["a:1", "b:2", "both"]
    assert probing.progress == [33, 66, 100]
    status = {row[0]: row[5:] for row in table.rows}
    assert status["a:1"] == ["answers", "0.26"]
    assert status["agent:9"] == ["not checked", ""]
    named = Probing()
    named.table(check_availability=True, required_llm_ids=["agent:9"], name_filter="a:1")
    assert sorted(named.asked) == ["a:1", "agent:9"]
    nobody = Probing()
    nobody.table(check_availability=True, name_filter="no such thing")
    assert nobody.asked == []


def test_required_llms_that_are_missing_or_silent_fail_the_step() -> None:
    with pytest.raises(SettingsError, match=r"'Required LLM ids': .* does not list gone, other"):
        Probing().table(required_llm_ids=["a:1", " gone ", "other"])
    Probing().table(required_llm_ids=["b:2"])
    with pytest.raises(PromptBatchError, match=r"do not answer: b:2 \(server \(HTTP 503\)\)"):
        Probing().table(required_llm_ids=["b:2", "a:1"], check_availability=True)


def test_an_unknown_purpose_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"'Purposes' knows .* not 'COOKING'"):
        Probing().table(purposes=["COOKING"])
