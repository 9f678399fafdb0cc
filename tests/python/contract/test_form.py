"""The forms as a person meets them: a real browser, every mode. What is to be seen stands in form_modes.json.

A new field needs its place there: its name in the mode that first shows it, its default, and a mode of its own for
each value that shows or hides other fields. Then `make screenshots`.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from local_dss.browser import Browser, BrowserError
from local_dss.form_page import forms, page
from mesh_prompt_batch.settings import Settings

# One browser is enough.
pytestmark = pytest.mark.browser
EXPECTED = json.loads((Path(__file__).parent / "form_modes.json").read_text())
MODES = [(form, mode) for form, it in EXPECTED.items() for mode in it["modes"]]
RECIPE = "recipe mesh-prompt-batch"
EXAMPLES = sorted((Path(__file__).resolve().parents[3] / "examples").glob("*.json"))
WIDTH, HEIGHT = 1280, 900
MOST_LINES = 3
# What is typed into a field of this type where form_modes.json has no value of its own.
TYPED: dict[str, Any] = {
    "STRING": "a",
    "PASSWORD": "b",
    "TEXTAREA": "c\nd",
    "INT": 1,
    "DOUBLE": 0.5,
    "LLM": "openai:main:large",
    "COLUMN": "review",
    "COLUMNS": ["product", "label"],
    "DATASET": "labelled",
    "MANAGED_FOLDER": "photos",
    "STRINGS": ["e", "f"],
}


class Person:
    """Opens a form, fills fields in through their inputs, looks."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    def opens(self, form: str, saved: Mapping[str, object] | None = None) -> None:
        self._browser.evaluate(f"draw({json.dumps(form)}, {json.dumps(saved or {})})")

    def follows(self, link: str) -> None:
        self._browser.evaluate(f"location.hash = {json.dumps(link)}; open()")

    def meets(self, descriptor: Mapping[str, object]) -> None:
        """A form that no descriptor has."""
        described = {"meta": {"label": "", "description": ""}, **descriptor}
        self._browser.evaluate(f"FORMS['another'] = {json.dumps(described)}")
        self.opens("another")

    def fills(self, values: Mapping[str, object]) -> None:
        for name, value in values.items():
            self._browser.evaluate(f"fill({json.dumps(name)}, {json.dumps(value)})")

    def fields(self) -> dict[str, Any]:
        return {it["name"]: it for it in self._browser.evaluate("look().fields")}

    def headings(self) -> dict[str, Any]:
        return {it["label"]: it for it in self._browser.evaluate("look().headings")}

    def model(self) -> dict[str, Any]:
        return dict(self._browser.evaluate("model"))


@pytest.fixture(scope="module")
def person(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Person:
    document = tmp_path_factory.mktemp("form") / "form.html"
    document.write_text(page(), encoding="utf-8")
    browser.open(document, WIDTH, HEIGHT)
    return Person(browser)


def params(form: str) -> list[dict[str, Any]]:
    return [it for it in forms()[form]["params"] if it["type"] != "SEPARATOR"]


def filled(form: str, mode: str) -> dict[str, Any]:
    """What a person enters to reach a mode."""
    described = EXPECTED[form]["modes"][mode]
    before = filled(form, described["after"]) if "after" in described else {}
    return {**before, **described["fill"]}


def placed(form: str, mode: str) -> dict[str, str]:
    """The fields that a mode shows, each with its heading."""
    described = EXPECTED[form]["modes"][mode]
    before = placed(form, described["after"]) if "after" in described else {}
    added = {name: heading for heading, names in described["adds"].items() for name in names}
    return {
        name: heading
        for name, heading in {**before, **added}.items()
        if name not in described.get("removes", ())
    }


def switches(form: str) -> set[str]:
    """Fields that conditions ask about."""
    conditions = (it.get("visibilityCondition", "") for it in forms()[form]["params"])
    return {name for it in conditions for name in re.findall(r"model\.(\w+)", it)}


def entries(form: str, shown: Mapping[str, Any]) -> dict[str, Any]:
    """A value for each shown field that no condition asks about."""
    values = EXPECTED[form]["values"]
    given: dict[str, Any] = {}
    for param in params(form):
        name = param["name"]
        if name in shown and name not in switches(form):
            given[name] = values[name] if name in values else typed(param)
    return given


def typed(param: Mapping[str, Any]) -> Any:
    if param["type"] == "BOOLEAN":
        return not param["defaultValue"]
    if param["type"] == "SELECT":
        return param["selectChoices"][-1]["value"]
    return TYPED[param["type"]]


def test_every_form_has_its_modes_written_down() -> None:
    assert EXPECTED.keys() == forms().keys()


@pytest.mark.parametrize("form", EXPECTED)
def test_every_field_is_shown_by_some_mode(form: str) -> None:
    shown = {name for mode in EXPECTED[form]["modes"] for name in placed(form, mode)}
    assert shown == {it["name"] for it in params(form)}, "form_modes.json places every field"


@pytest.mark.parametrize("form", EXPECTED)
def test_every_choice_that_shows_or_hides_something_is_a_mode(form: str) -> None:
    for param in params(form):
        if param["name"] in switches(form):
            entered = [filled(form, it).get(param["name"]) for it in EXPECTED[form]["modes"]]
            known = [it["value"] for it in param.get("selectChoices", [])] or [True, False]
            assert {*entered, param["defaultValue"]} >= set(known), param["name"]


@pytest.mark.parametrize("form", EXPECTED)
def test_only_fields_that_always_show_are_mandatory(form: str) -> None:
    for param in params(form):
        assert isinstance(param["mandatory"], bool), param["name"]
        assert not (param["mandatory"] and "visibilityCondition" in param), param["name"]


@pytest.mark.parametrize(("form", "mode"), MODES)
def test_a_mode_shows_its_fields_under_their_headings(person: Person, form: str, mode: str) -> None:
    person.opens(form)
    person.fills(filled(form, mode))
    shown = {name: it["heading"] for name, it in person.fields().items()}
    assert shown == placed(form, mode)
    assert person.headings().keys() == set(shown.values()), "a heading has no field"


@pytest.mark.parametrize(("form", "mode"), MODES)
def test_a_mode_starts_with_its_defaults(person: Person, form: str, mode: str) -> None:
    person.opens(form)
    assert person.model() == EXPECTED[form]["defaults"]
    person.fills(filled(form, mode))
    stands = {**EXPECTED[form]["defaults"], **filled(form, mode)}
    for name, field in person.fields().items():
        assert field["value"] == stands.get(name, field["value"]), name
        assert name in stands or field["value"] in ("", None, []), name


@pytest.mark.parametrize(("form", "mode"), MODES)
def test_descriptions_are_read_at_a_glance(person: Person, form: str, mode: str) -> None:
    person.opens(form)
    person.fills(filled(form, mode))
    described = {**person.headings(), **person.fields()}
    long = [name for name, it in described.items() if it["lines"] > MOST_LINES]
    assert not long


@pytest.mark.parametrize(("form", "mode"), MODES)
def test_what_is_filled_in_survives_being_hidden(person: Person, form: str, mode: str) -> None:
    person.opens(form)
    person.fills(filled(form, mode))
    entered = entries(form, person.fields())
    person.fills(entered)
    before = person.model()
    back = {name: EXPECTED[form]["defaults"][name] for name in reversed(filled(form, mode))}
    person.fills(back)
    assert person.model() == {**before, **back}
    person.fills(filled(form, mode))
    assert person.model() == before
    shown = {name: it["value"] for name, it in person.fields().items()}
    assert {name: shown[name] for name in entered} == entered


@pytest.mark.parametrize("mode", EXPECTED[RECIPE]["modes"])
def test_the_recipe_takes_what_its_form_sends(person: Person, mode: str) -> None:
    person.opens(RECIPE)
    person.fills(filled(RECIPE, mode))
    person.fills(entries(RECIPE, person.fields()))
    assert not [it for it in person.fields().values() if it["complaint"]]
    Settings.from_config(person.model(), {})


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda it: it.name)
def test_an_example_opens_with_all_that_it_sets(person: Person, example: Path) -> None:
    saved = json.loads(example.read_text(encoding="utf-8"))
    person.opens(RECIPE, {**saved, "show_advanced": True})
    shown = {name: it["value"] for name, it in person.fields().items()}
    assert {name: shown[name] for name in saved} == saved


def test_a_field_that_is_not_shown_cannot_be_filled_in(person: Person) -> None:
    person.opens(RECIPE)
    with pytest.raises(BrowserError, match="top_p is not shown"):
        person.fills({"top_p": 0.5})


def test_what_is_saved_wins_over_defaults(person: Person) -> None:
    person.opens(RECIPE, {"show_advanced": True, "max_tokens": None, "top_p": 0.25})
    shown = person.fields()
    assert shown["max_tokens"]["value"] is None
    assert shown["top_p"]["value"] == 0.25
    assert shown["temperature"]["value"] == 0


def test_the_address_says_which_form_is_open_with_which_settings(person: Person) -> None:
    person.follows('#form=macro list-llms&saved={"name_filter": "gpt"}')
    assert person.fields()["name_filter"]["value"] == "gpt"


def test_the_form_complains_about_blank_and_about_too_much(person: Person) -> None:
    person.meets(
        {
            "params": [
                {"type": "STRING", "name": "needed", "label": "Needed", "mandatory": True},
                {"type": "INT", "name": "small", "label": "Small", "maxI": 3},
            ]
        }
    )
    assert person.fields()["needed"]["complaint"] == "Required."
    person.fills({"needed": "x", "small": 4})
    assert person.fields()["needed"]["complaint"] == ""
    assert person.fields()["small"]["complaint"] != ""
    person.fills({"small": 3})
    assert person.fields()["small"]["complaint"] == ""


def test_every_type_of_parameter_is_filled_in_and_sent(person: Person) -> None:
    choices = [{"value": it, "label": it.upper()} for it in ("x", "y", "z")]
    pairs = [{"type": "TEXTAREA", "name": it, "label": it} for it in ("user", "assistant")]
    extras: dict[str, dict[str, Any]] = {
        "SELECT": {"selectChoices": choices},
        "MULTISELECT": {"selectChoices": choices},
        "OBJECT_LIST": {"subParams": pairs},
    }
    given = {
        **TYPED,
        "BOOLEAN": True,
        "SELECT": "y",
        "MULTISELECT": ["x", "z"],
        "OBJECT_LIST": [{"user": "a", "assistant": "b"}, {"user": "c", "assistant": "d"}],
    }
    described = [
        {"type": it, "name": it.lower(), "label": it, **extras.get(it, {})} for it in given
    ]
    person.meets({"params": described})
    person.fills({name.lower(): value for name, value in given.items()})
    assert person.model() == {name.lower(): value for name, value in given.items()}
    assert {it["name"]: it["value"] for it in person.fields().values()} == person.model()


def test_a_type_that_the_page_does_not_know_is_an_error(person: Person) -> None:
    with pytest.raises(BrowserError):
        person.meets({"params": [{"type": "NEW", "name": "a", "label": "a"}]})
