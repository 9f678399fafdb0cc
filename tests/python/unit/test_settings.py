"""The recipe's form and the plugin's settings, parsed once."""

import hashlib
import re
from typing import Any

import pytest

from mesh_prompt_batch.errors import SettingsError
from mesh_prompt_batch.message_settings import WrittenMessages
from mesh_prompt_batch.own_limits import Limits
from mesh_prompt_batch.plugin_settings import PluginSettings
from mesh_prompt_batch.settings import Settings

NEEDED: dict[str, Any] = {"llm_id": "llm", "user_column": "question"}


def parsed(variables: dict[str, str] | None = None, **config: object) -> Settings:
    return Settings.from_config({**NEEDED, **config}, variables or {})


def test_absent_keys_mean_the_promised_defaults() -> None:
    settings = parsed()
    assert settings.llm.parameters == {"temperature": 0.0, "max_tokens": 500}
    assert settings.run.limits == Limits(16, adaptive=True)
    assert (settings.run.timeout_seconds, settings.run.time_limit_minutes) == (300, None)
    assert settings.run.stream is False
    assert (settings.run.reuse_completions, settings.run.keep_answers_days) == ("resume", 30)
    assert (settings.run.identical_once, settings.run.publishes_when_stopped) == (True, False)
    assert (settings.run.retry.max_retries, settings.run.retry.max_wait) == (6, 600)
    assert (settings.run.failures.stop_at_first, settings.run.failures.max_percent) == (False, 100)
    assert (settings.output.row_limit, settings.output.columns_to_keep) == (None, ())
    assert settings.output.output_columns == "standard"


def test_blank_request_parameters_are_not_sent() -> None:
    blanks = dict.fromkeys(("temperature", "max_tokens", "top_p", "stop_sequences"))
    assert parsed(**blanks).llm.parameters == {}


def test_request_parameters_are_spelled_as_the_api_spells_them() -> None:
    settings = parsed(
        max_tokens=500.0,
        top_p=0.5,
        frequency_penalty=-1,
        presence_penalty=2,
        stop_sequences=["\n", ""],
    )
    assert settings.llm.parameters == {
        "temperature": 0.0,
        "max_tokens": 500,
        "top_p": 0.5,
        "frequency_penalty": -1.0,
        "presence_penalty": 2.0,
        "stop": ["\n"],
    }
    assert type(settings.llm.parameters["max_tokens"]) is int


def test_the_override_takes_the_place_of_the_llm_with_the_project_s_variables() -> None:
    settings = parsed({"model": "a:b", "n": "1"}, llm_id_override=" x:${model}:${ n } ")
    assert settings.llm.llm_id == "x:a:b:1"
    assert parsed(llm_id_override="  ").llm.llm_id == "llm"
    assert parsed({"empty": ""}, llm_id_override="${empty}").llm.llm_id == "llm"
    with pytest.raises(SettingsError, match="'LLM id as text': the project has no variable 'gone'"):
        parsed(llm_id_override="${gone}")
    with pytest.raises(SettingsError, match=r"no variable 'a\\n\\ud800x{50,57}'\.$"):
        parsed(llm_id_override=f"${{a\n\ud800{'x' * 5_000}}}")


def test_what_is_missing_is_named_by_its_label() -> None:
    with pytest.raises(SettingsError, match="'LLM' is missing: choose one"):
        parsed(llm_id=None)
    with pytest.raises(SettingsError, match="'User message column' is missing"):
        parsed(user_column=" ")
    with pytest.raises(SettingsError, match="'Conversation column' is missing"):
        parsed(messages_mode="conversation")


def test_a_column_that_is_gone_is_told_with_those_that_are_there() -> None:
    settings = parsed(system_column="role", columns_to_keep=["id", "old"])
    settings.check_columns(["id", "old", "role", "question"])
    for gone, label in (("role", "System message column"), ("old", "Input columns to keep")):
        there = [name for name in ("id", "old", "role", "question") if name != gone]
        expected = f"'{label}': the input has no column '{gone}'; it has {', '.join(there)}"
        with pytest.raises(SettingsError, match=expected):
            settings.check_columns(there)


def test_the_description_for_the_log_names_every_choice() -> None:
    text = parsed(on_failure="stop", row_limit=5, columns_to_keep=["a"]).described()
    for part in ("LLM: llm", "rows: 5", "columns kept: a", "first failed row stops: True"):
        assert part in text


def test_a_column_of_a_template_is_read_and_its_absence_told_with_the_nearest_names() -> None:
    settings = parsed(
        messages_mode="template",
        system_template="{{role}}",
        user_template="{{ question }} {{reveiw}}",
    )
    assert settings.read_columns() == {"role", "question", "reveiw"}
    wide = [f"c{n}" for n in range(30)]
    for there, words in (
        (["role", "question", "Review"], "'reveiw', perhaps 'Review'; it has role, question, Re"),
        (["role", "question", "other"], "'reveiw'; it has role, question, other."),
        (["role", "question", *wide], "c16, c17 and 12 more."),
    ):
        with pytest.raises(SettingsError, match="'User message template': the input has no") as it:
            settings.check_columns(there)
        assert words in str(it.value)
    with pytest.raises(SettingsError, match=r"'System message template': .* 'role'"):
        settings.check_columns(["question"])


def test_what_no_column_is_called_is_not_quoted_at_length() -> None:
    with pytest.raises(SettingsError) as caught:
        parsed(messages_mode="template", user_template="{{x" + "y" * 99 + "}}").check_columns(["a"])
    assert "y" * 60 not in str(caught.value)


def test_variables_of_the_project_are_part_of_a_template_and_other_names_stay() -> None:
    settings = parsed(
        {"tone": "be {{mood}} ${tone}", "column": "question", "n": "5"},
        messages_mode="template",
        system_template="${tone}, ${ n } words, ${HOME}",
        user_template="{{${column}}}: $5 ${}",
    )
    assert settings.read_columns() == {"mood", "question"}
    source = settings.messages.source
    assert isinstance(source, WrittenMessages)
    assert source.system.filler(["mood"])(["kind"]) == "be kind ${tone}, 5 words, ${HOME}"
    assert source.user.filler(["question"])(["why?"]) == "why?: $5 ${}"
    assert "1 ${…} that are no variable of the project sent as they are" in settings.described()
    # DSS may have resolved them before the recipe sees the text.
    chosen = {"messages_mode": "template", "user_template": "${tone} {{a}}"}
    resolved = {**chosen, "user_template": "kind $5 {{a}}"}
    assert parsed({"tone": "kind $5"}, **chosen) == parsed({"tone": "sad"}, **resolved)


@pytest.mark.parametrize("blank", ["", " \n", None, "${empty}"])
def test_a_blank_user_template_is_missing_and_a_blank_system_template_is_none(
    blank: str | None,
) -> None:
    mode = {"messages_mode": "template"}
    with pytest.raises(SettingsError, match="'User message template' is missing: write the prompt"):
        parsed({"empty": ""}, **mode, user_template=blank)
    text = parsed({"empty": ""}, **mode, system_template=blank, user_template="x").described()
    assert "system template: none" in text


def test_a_malformed_template_is_named_by_its_label() -> None:
    with pytest.raises(SettingsError, match="'System message template' has two opening braces"):
        parsed(messages_mode="template", user_template="x", system_template="{{a")


def test_settings_of_modes_that_were_not_chosen_are_not_read() -> None:
    assert parsed(system_template=5, user_template="{{") == parsed()
    chosen: dict[str, Any] = {"messages_mode": "template", "user_template": "{{a}}"}
    assert parsed(**chosen, system_column=[]) == parsed(**{**chosen, "user_column": 5})
    chosen = {"messages_mode": "conversation", "conversation_column": "chat"}
    assert parsed(**chosen, examples=5, user_template="{{") == parsed(**chosen)
    assert parsed(**chosen).read_columns() == {"chat"}
    assert "conversation column: chat" in parsed(**chosen).described()


def test_an_example_has_both_sides() -> None:
    for pair in ({"user": "a"}, {"user": "a", "assistant": " "}):
        with pytest.raises(SettingsError, match="'Examples' has no assistant message in entry 2"):
            parsed(examples=[None, pair])
    with pytest.raises(SettingsError, match="'Examples' has no user message in entry 1"):
        parsed(examples=[{"user": None, "assistant": "a"}])
    assert parsed(examples=[{}, {"user": "", "assistant": None}]) == parsed()


def test_the_log_has_length_and_digest_of_what_is_part_of_a_prompt() -> None:
    prompt, pair = "canary {{question}}", {"user": "canary", "assistant": "a"}
    digest = hashlib.sha256(prompt.encode()).hexdigest()[:8]
    settings = parsed(messages_mode="template", user_template=prompt, examples=[pair])
    text = settings.described()
    assert f"user template: (19 characters, SHA-256 {digest}; cells of question)" in text
    assert re.search(r"examples: \d+ characters, SHA-256 [0-9a-f]{8};", text)
    assert "canary" not in text + repr(settings)
    lone = parsed(messages_mode="template", user_template="half \ud83d").described()
    assert "user template: (6 characters" in lone
    assert "cells of no column" in lone


def test_the_plugin_s_settings_hide_its_key() -> None:
    settings = PluginSettings.from_config({"api_key": " canary ", "temporary_api_keys": True})
    assert (settings.api_key, settings.temporary_api_keys) == ("canary", True)
    assert "canary" not in repr(settings)
    assert PluginSettings.from_config({}) == PluginSettings()
