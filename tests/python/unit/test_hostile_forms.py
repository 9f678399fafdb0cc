"""Whatever is filled in or left in a form: it is read, or refused in one sentence that names what to change."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from audited_calls import nothing_is_run
from descriptors import FORECAST, LISTING, PLUGIN, RECIPE, TRIAL, Descriptor, parameters
from hostile_schemas import DOCUMENTS, broken
from hostile_values import LURES, NUMBERS, TEXTS, TIMES, VALUES, counted, fuzzed
from mesh_prompt_batch import (
    format_settings,
    image_settings,
    llm_settings,
    message_settings,
    output_settings,
    price_settings,
    run_settings,
    spark_endpoint,
)
from mesh_prompt_batch.ceilings import Ceilings, capped
from mesh_prompt_batch.errors import SettingsError
from mesh_prompt_batch.forecast_settings import ForecastSettings
from mesh_prompt_batch.json_schema import JsonSchema
from mesh_prompt_batch.listing_settings import ListingSettings
from mesh_prompt_batch.plugin_settings import PluginSettings
from mesh_prompt_batch.settings import Settings
from mesh_prompt_batch.spark_endpoint import SparkEndpoint
from mesh_prompt_batch.spark_plan import planned_job
from mesh_prompt_batch.trial import TrialSettings

Config = Mapping[str, object]
Field = Mapping[str, Any]
# In all that is a prompt's or a key: no banner and no log has it.
CANARY = "canary-5e1c"
COLUMNS = ["q", "system", "talk", "image", "id"]
VARIABLES = {"model": "openai:c:small", "lure": LURES[0]}
GROUPS: Sequence[ModuleType] = (
    llm_settings,
    message_settings,
    format_settings,
    image_settings,
    run_settings,
    price_settings,
    output_settings,
)
# jsonschema and all that it needs are imported here.
JsonSchema.parsed('{"type": "object"}').problem({})

FILLED = {
    "llm_id": "openai:c:m",
    "max_tokens": 300.0,
    "stop_sequences": ["\n\n", None],
    "examples": [{"user": CANARY, "assistant": CANARY}, {"user": "", "assistant": None}],
    "image_column": "image",
    "requests_per_minute": "60",
    "price_per_million_input_tokens": 0.15,
    "spend_limit": 5,
    "columns_to_keep": ["id", "q"],
    "run_folder_id": "x1y2",
}
SOURCES: Mapping[str, Config] = {
    "columns": {"user_column": "q", "system_column": "system"},
    "template": {"user_template": f"{CANARY} {{{{q}}}}", "system_template": f"{CANARY} ${{lure}}"},
    "conversation": {"conversation_column": "talk"},
}
SCHEMA = {"type": "object", "properties": {"label": {"enum": [CANARY]}, "n": {"type": "integer"}}}
ANSWERS: Mapping[str, Config] = {
    "text": {},
    "json": {},
    "json_schema": {"json_schema": json.dumps(SCHEMA), "native_json_schema": True},
}


def recipe_forms() -> Iterable[Config]:
    defaults = {it["name"]: it["defaultValue"] for it in parameters(RECIPE) if "defaultValue" in it}
    for source, messages in SOURCES.items():
        for wanted, answer in ANSWERS.items():
            modes = {"messages_mode": source, "output_format": wanted}
            yield {**defaults, **FILLED, **modes, **messages, **answer}


def read_recipe(config: Config) -> object:
    settings = Settings.from_config(config, VARIABLES)
    assert CANARY not in settings.described()
    assert CANARY not in repr(settings.format) + repr(settings.messages)
    settings.check_columns(COLUMNS)
    return capped(settings, Ceilings(8, Decimal(1), ("openai:c:m", "openai:c:small")))


def read_plugin(config: Config) -> object:
    settings = PluginSettings.from_config(config)
    assert CANARY not in repr(settings)
    return settings


ENDPOINT = {
    "url": "https://dss.example.com/",
    "project_key": "DEMO",
    "api_key": CANARY,
    "run_folder": "x1y2z3",
    "images": "",
    "verify": "/etc/ca.pem",
}


def read_endpoint(config: Config) -> object:
    settings = SparkEndpoint.from_dict(config)
    assert CANARY not in repr(settings)
    return settings


def read_spark_job(config: Config) -> object:
    columns = [{"name": name, "type": "string"} for name in COLUMNS]
    return planned_job(columns, config, ENDPOINT).settings()


@dataclass(frozen=True, slots=True)
class Form:
    """`whole`: filled in as it should be, in every mode. `read` raises SettingsError."""

    fields: Sequence[Field]
    whole: Sequence[Config]
    read: Callable[[Config], object]

    @classmethod
    def of(cls, descriptor: Descriptor, read: Callable[[Config], object], *whole: Config) -> "Form":
        fields = [{**it, "label": f"'{it['label']}'"} for it in parameters(descriptor)]
        return cls(fields, whole, read)

    def groups(self) -> list[list[Field]]:
        of = [[it for it in self.fields if it["name"] in group.LABELS] for group in GROUPS]
        return [it for it in of if it] or [[*self.fields]]

    def is_named(self, name: str, words: str) -> bool:
        labels = [str(it["label"]) for it in self.fields if it["name"] == name]
        return any(it in words for it in (*labels, f"'{name}'"))

    def refusal(self, config: Config) -> str:
        """Blank where it is read."""
        try:
            with nothing_is_run():
                self.read(config)
        except SettingsError as error:
            return str(error)
        return ""


FORMS = {
    "recipe": Form.of(RECIPE, read_recipe, *recipe_forms()),
    "plugin": Form.of(
        PLUGIN,
        read_plugin,
        {
            "api_key": CANARY,
            "dss_url": "https://dss",
            "spend_ceiling_per_run": 5.0,
            "allowed_llm_ids": ["a"],
        },
    ),
    "list-llms": Form.of(
        LISTING,
        ListingSettings.from_config,
        {"purposes": ["GENERIC_COMPLETION"], "save_to_variable": "llms", "required_llm_ids": ["a"]},
    ),
    "forecast": Form.of(
        FORECAST,
        ForecastSettings.from_config,
        {"recipe": "compute_a", "sample_rows": 50, "calls": 5, "fail_above": 1.5},
    ),
    "try-rows": Form.of(TRIAL, TrialSettings.from_config, {"recipe_name": "compute_a", "rows": 3}),
    "spark job": Form.of(
        RECIPE,
        read_spark_job,
        *(
            {name: it for name, it in one.items() if name != "spend_limit"}
            for one in recipe_forms()
        ),
    ),
    "endpoint of Spark": Form(
        [
            {"name": it, "label": label, "type": "PASSWORD" if it == "api_key" else "STRING"}
            for it, label in spark_endpoint._LABELS.items()
        ],
        [ENDPOINT],
        read_endpoint,
    ),
}

TEMPLATES = st.lists(
    st.sampled_from(["{{q}}", "{{ system }}", "{{{{", "{{", "}}", "${lure}", "${x\ny}", "{{\r}}"])
    | TEXTS
).map(lambda it: CANARY + "".join(it))
NAMES_IN_FORMS = st.sampled_from([*COLUMNS, "${model}", "${gone}", "${\n}", " ", ""]) | TEXTS
LISTS = st.lists(st.none() | NAMES_IN_FORMS, max_size=3)
PAIRS = st.lists(
    st.none() | st.dictionaries(st.sampled_from(["user", "assistant"]), st.none() | TEXTS),
    max_size=3,
)
TYPED: Mapping[str, st.SearchStrategy[Any]] = {
    "BOOLEAN": st.sampled_from([True, False, "true", 0, "", None]),
    "STRINGS": LISTS,
    "COLUMNS": LISTS,
    "OBJECT_LIST": PAIRS,
    "PASSWORD": st.sampled_from([[CANARY], {CANARY: CANARY}, "", None, f"{CANARY}\n"]),
}
BY_NAME: Mapping[str, st.SearchStrategy[Any]] = {
    "user_template": TEMPLATES,
    "system_template": TEMPLATES,
    "json_schema": DOCUMENTS.map(lambda it: json.dumps({**it, "title": CANARY})) | broken(),
}


def typed(field: Field) -> st.SearchStrategy[Any]:
    """What people may have filled in, right or wrong, and what only programs can."""
    kind = field["type"]
    choices = [it["value"] for it in field.get("selectChoices", ())]
    bounds = [field[it] for it in ("minI", "maxI", "minD", "maxD") if it in field]
    near = [it + by for it in bounds or [0] for by in (-1, -0.001, 0, 0.5, 1)]
    if choices:
        chosen = st.sampled_from([*choices, choices[0].upper(), f"{choices[0]} ", "", None])
        return (st.lists(chosen, max_size=3) if kind == "MULTISELECT" else chosen) | VALUES
    if kind in ("INT", "DOUBLE"):
        numbers = st.sampled_from(near) | NUMBERS
        return numbers | numbers.map(str) | VALUES
    return BY_NAME.get(field["name"], TYPED.get(kind, NAMES_IN_FORMS)) | VALUES


@st.composite
def hostile(draw: Callable[..., Any], form: Form) -> tuple[Config, Sequence[str]]:
    """A form in which one to three fields are not as they should be, and their names."""
    # As often of a small group as of a large one.
    chosen = st.sampled_from(form.groups()).flatmap(st.sampled_from)
    fields = draw(st.lists(chosen, min_size=1, max_size=3))
    changed = {str(it["name"]): draw(typed(it)) for it in fields}
    return {**draw(st.sampled_from(form.whole)), **changed}, [*changed]


@pytest.mark.parametrize("name", FORMS)
@settings(fuzzed, max_examples=30 * TIMES)
@given(st.data())
def test_a_form_is_read_or_refused_in_a_sentence_that_names_what_to_change(
    name: str, data: st.DataObject
) -> None:
    form = FORMS[name]
    config, changed = data.draw(hostile(form))
    words = form.refusal(config)
    event("refused" if words else "read")
    assert CANARY not in words
    assert words.isprintable()
    assert len(words) < 1_000
    if words:
        assert words.endswith(".")
        # Another mode that was chosen wants other fields.
        named = any(form.is_named(it, words) for it in changed) or " is missing: " in words
        assert named, (words, changed)


@pytest.mark.parametrize("name", FORMS)
def test_a_form_as_it_should_be_is_read(name: str) -> None:
    assert [*map(FORMS[name].refusal, FORMS[name].whole)] == [""] * len(FORMS[name].whole)


def test_what_is_drawn_reaches_every_group_of_the_recipe_s_form_in_every_mode() -> None:
    refused, read = Counter[str](), Counter[object]()

    @settings(counted, max_examples=250)
    @given(hostile(FORMS["recipe"]))
    def drawn(example: tuple[Config, Sequence[str]]) -> None:
        config, _ = example
        words = FORMS["recipe"].refusal(config)
        refused.update(
            it.__name__ for it in GROUPS for label in it.LABELS.values() if f"'{label}'" in words
        )
        if not words:
            read.update([config.get("messages_mode"), config.get("output_format")])

    drawn()
    assert {*refused} == {it.__name__ for it in GROUPS}, refused
    assert sum(refused.values()) > 60, refused
    assert all(read[it] > 3 for it in (*SOURCES, *ANSWERS)), read
