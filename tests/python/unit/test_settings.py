"""The recipe's form and the plugin's settings, parsed once."""

from typing import Any

import pytest

from mesh_prompt_batch.errors import SettingsError
from mesh_prompt_batch.limiter import Limits
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


def test_what_is_missing_is_named_by_its_label() -> None:
    with pytest.raises(SettingsError, match="'LLM' is missing: choose one"):
        parsed(llm_id=None)
    with pytest.raises(SettingsError, match="'User message column' is missing"):
        parsed(user_column=" ")


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


def test_the_plugin_s_settings_hide_its_key() -> None:
    settings = PluginSettings.from_config({"api_key": " canary ", "temporary_api_keys": True})
    assert (settings.api_key, settings.temporary_api_keys) == ("canary", True)
    assert "canary" not in repr(settings)
    assert PluginSettings.from_config({}) == PluginSettings()
