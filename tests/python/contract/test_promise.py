"""What users have saved in their recipes and scenarios keeps its name, and what they left alone keeps its meaning.

The names stand here once more, by hand: a rename in code, form and pages together would break saved recipes unnoticed.
"""

import json
from pathlib import Path

import pytest

from mesh_prompt_batch.output import COLUMNS

ROOT = Path(__file__).resolve().parents[3]
RECIPE = "custom-recipes/mesh-prompt-batch/recipe.json"
FILES = {
    "recipe": RECIPE,
    "list-llms": "python-runnables/list-llms/runnable.json",
    "try-rows": "python-runnables/try-rows/runnable.json",
    "forecast": "python-runnables/forecast/runnable.json",
    "plugin": "plugin.json",
}
# Name and default value of every field.
PROMISED = {
    "recipe": {
        "llm_id": None,
        "messages_mode": "columns",
        "system_column": None,
        "user_column": None,
        "system_template": None,
        "user_template": None,
        "conversation_column": None,
        "temperature": 0,
        "max_tokens": 500,
        "output_format": "text",
        "json_schema": None,
        "show_advanced": False,
        "llm_id_override": None,
        "fallback_llm_id": None,
        "top_p": None,
        "frequency_penalty": None,
        "presence_penalty": None,
        "stop_sequences": None,
        "native_json_schema": False,
        "examples": None,
        "image_column": None,
        "llm_id_column": None,
        "temperature_column": None,
        "max_tokens_column": None,
        "max_concurrency": 16,
        "adaptive_concurrency": True,
        "requests_per_minute": None,
        "tokens_per_minute": None,
        "stream": False,
        "timeout_seconds": 300,
        "max_retries": 6,
        "max_wait_seconds": 600,
        "on_failure": "keep",
        "max_failure_percent": 100,
        "price_per_million_input_tokens": None,
        "price_per_million_output_tokens": None,
        "spend_limit": None,
        "partitions_of_a_build": None,
        "time_limit_minutes": None,
        "when_stopped": "fail",
        "reuse_completions": "resume",
        "keep_answers_days": 30,
        "run_folder_id": None,
        "send_identical_rows_once": True,
        "row_limit": None,
        "columns_to_keep": None,
        "output_columns": "standard",
    },
    "list-llms": {
        "purposes": ["GENERIC_COMPLETION"],
        "name_filter": None,
        "check_availability": False,
        "probe_capabilities": False,
        "required_llm_ids": None,
        "save_to_variable": None,
        "save_to_dataset": None,
    },
    "try-rows": {"recipe": None, "recipe_name": None, "rows": 5},
    "forecast": {
        "recipe": None,
        "recipe_name": None,
        "sample_rows": 200,
        "calls": 0,
        "fail_above": None,
    },
    "plugin": {
        "api_key": None,
        "dss_url": None,
        "ca_bundle": None,
        "temporary_api_keys": False,
        "max_concurrency_ceiling": None,
        "spend_ceiling_per_run": None,
        "allowed_llm_ids": None,
    },
}
# Name, whether it must be there.
ROLES = {
    "inputRoles": {"messages": True, "images": False},
    "outputRoles": {"completions": True, "failed_rows": False, "run_folder": False},
}


@pytest.mark.parametrize("form", FILES)
def test_every_field_keeps_its_name_and_default(form: str) -> None:
    params = json.loads((ROOT / FILES[form]).read_text())["params"]
    there = {it["name"]: it.get("defaultValue") for it in params if it["type"] != "SEPARATOR"}
    assert there == PROMISED[form]


@pytest.mark.parametrize("side", ROLES)
def test_every_role_keeps_its_name(side: str) -> None:
    roles = json.loads((ROOT / RECIPE).read_text())[side]
    assert {it["name"]: it["required"] for it in roles} == ROLES[side]
    assert {it["arity"] for it in roles} == {"UNARY"}


def test_output_columns_keep_their_promised_names_and_types() -> None:
    promised = {
        "essential": "completion:string error_type:string error_message:string",
        "standard": "finish_reason:string prompt_tokens:bigint completion_tokens:bigint cost:double"
        " latency_seconds:double attempts:bigint answered_by:string",
        "full": "source:string time_to_first_token_seconds:double messages_sent:string"
        " raw_response:string",
    }
    for smallest, columns in promised.items():
        ours = [f"{it.name}:{it.type}" for it in COLUMNS if it.smallest_set == smallest]
        assert ours == columns.split()
    assert all(it.description for it in COLUMNS)
