"""The macro Try a prompt batch on a few rows, run as DSS runs it."""

import re
from html import unescape

import pytest

from local_dss import faults
from local_dss.job import JobResult
from local_flow import Flow

CANARY = "canary-<b>7f</b>"


def tried(flow: Flow, **config: object) -> JobResult:
    return flow.macro({"recipe_name": "ask", **config}, "try-rows")


def text(result: JobResult) -> str:
    """What a person reads."""
    return unescape(re.sub(r"<[^>]*>", "", result.result["html"]))


def test_messages_and_answers_are_side_by_side_and_no_output_is_touched(flow: Flow) -> None:
    flow.ask(CANARY, "second", "", "fourth", "not asked")
    flow.previous_output()
    prices = {"price_per_million_input_tokens": 1, "price_per_million_output_tokens": 2}
    flow.has_recipe({**prices, "run_folder": "runs"})
    result = tried(flow, rows=4)
    assert result.succeeded, result.text
    shown = text(result)
    assert shown.count(CANARY) >= 2
    assert "<b>7f" not in result.result["html"]
    assert "Row 4" in shown
    assert "Row 5" not in shown
    assert "invalid_row" in shown
    assert "4 rows, 1 failed, 3 calls" in shown
    assert ", cost 0." in shown
    assert flow.untouched()
    assert not (flow.project.folder / "folders").exists()
    assert not result.left_open
    assert not result.left_files
    assert (result.result["progress"], result.result["progress_target"]) == (
        [10, 100],
        [100, "NONE"],
    )
    assert "canary" not in result.text, "the log holds no prompt"


def test_a_row_that_fails_shows_why_and_the_others_their_answers(flow: Flow) -> None:
    flow.ask("good", "bad")
    flow.has_recipe({"on_failure": "stop", "max_retries": 0})
    flow.mesh.fault = lambda question, *_: faults.gateway_page(503) if question == "bad" else None
    result = tried(flow)
    assert result.succeeded, result.text
    assert "server (HTTP 503)" in text(result)
    assert "2 rows, 1 failed" in text(result)


def test_images_of_the_recipe_s_folder_go_along(flow: Flow) -> None:
    folder = flow.project.managed_folder("photos")
    folder.mkdir(parents=True)
    (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    flow.project.create_texts("prompts", [{"question": "what?", "picture": "a.png"}])
    flow.has_recipe({"image_column": "picture"}, images="photos")
    result = tried(flow)
    assert result.succeeded, result.text
    assert "image/png" in text(result)
    (call,) = flow.mesh.calls
    assert call.body["messages"][0]["content"][1]["image_url"]["url"].startswith("data:image/png")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"recipe_name": "gone"}, "'Recipe': the recipe gone cannot be read in this project"),
        ({"recipe_name": "stack"}, "it is no prompt batch recipe"),
        ({"recipe_name": ""}, "'Recipe' is missing"),
        ({"rows": 0}, "'Rows' must be between 1 and 100"),
    ],
)
def test_what_cannot_work_is_said_in_one_sentence_before_any_call(
    flow: Flow, config: dict[str, object], words: str
) -> None:
    flow.ask("a")
    flow.has_recipe()
    result = tried(flow, **config)
    assert not result.succeeded
    assert words in result.banner
    assert not flow.mesh.calls


def test_the_admins_ceilings_hold(flow: Flow) -> None:
    flow.ask("a")
    flow.has_recipe()
    config = {"recipe": "ask"}
    result = flow.macro(config, "try-rows", plugin_config={"allowed_llm_ids": ["openai:other:llm"]})
    assert "the plugin's admins do not allow" in result.banner
    assert not flow.mesh.calls
