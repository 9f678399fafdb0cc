"""The real small model: through `MeshClient`, and through the recipe in the stand-in."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from embedded.model import MODEL
from local_dss.llms import LLM_ID
from local_dss.mesh_server import MeshServer, Upstream
from local_flow import Flow
from mesh_prompt_batch import MeshClient

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
pytestmark = [pytest.mark.embedded, pytest.mark.cold]


def test_the_client_completes_streams_and_lists(embedded_model: str) -> None:
    with MeshClient(url=embedded_model, api_key="unused") as client:
        assert [it["id"] for it in client.list_llms()] == [MODEL]
        question = "What is the capital of Japan?"
        completion = client.complete(MODEL, question, temperature=0, max_tokens=16)
        assert "Tokyo" in completion.text
        assert completion.usage.completion_tokens is not None
        answer = client.stream(MODEL, question, temperature=0, max_tokens=16)
        pieces = list(answer)
        assert len(pieces) > 3
        assert "".join(pieces) == completion.text
        assert answer.completion is not None
        assert answer.completion.usage.completion_tokens == completion.usage.completion_tokens


def test_an_answer_without_end_is_cut(embedded_model: str) -> None:
    with MeshClient(url=embedded_model, api_key="unused") as client:
        endless = "Count from 1 to 1000: 1, 2, 3, 4, 5, 6, 7,"
        completion = client.complete(MODEL, endless, temperature=0)
    assert completion.finish_reason == "length"
    assert completion.usage.completion_tokens == 256


@pytest.mark.parametrize("stream", [False, True])
def test_tutorial_code_works_unchanged(embedded_model: str, stream: bool) -> None:
    with MeshClient(url=embedded_model, api_key="unused") as client:
        messages: Any = [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "What is the capital of Japan?"},
        ]
        answer: Any = client.openai.chat.completions.create(
            model=MODEL, messages=messages, temperature=0, max_tokens=16, stream=stream
        )
        if stream:
            text = "".join(chunk.choices[0].delta.content or "" for chunk in answer)
        else:
            text = answer.choices[0].message.content
    assert "Tokyo" in text


def test_the_recipe_labels_the_example_s_reviews(flow: Flow, embedded_model: str) -> None:
    with (EXAMPLES / "reviews.csv").open(encoding="utf-8", newline="") as file:
        reviews = list(csv.DictReader(file))
    assert len(reviews) >= 40
    flow.project.create_texts("prompts", reviews)
    settings = json.loads((EXAMPLES / "reviews.settings.json").read_text(encoding="utf-8"))
    with MeshServer(upstream=Upstream(embedded_model, "unused", MODEL)) as mesh:
        here = replace(flow, mesh=mesh)
        result = here.run({**settings, "llm_id": LLM_ID})
    assert result.succeeded, result.text
    assert here.column("review_id") == [f"{n:04d}" for n in range(1, len(reviews) + 1)]
    assert not any(here.column("error_type"))
    right = sum(row["completion"].rstrip(".") == row["label"] for row in here.answers)
    # A coin gets half of them.
    assert right >= 0.75 * len(reviews)


def test_the_recipe_streams_what_it_gets_without_streaming(flow: Flow, embedded_model: str) -> None:
    flow.ask("What is the capital of Japan?", "Name three rivers.", "Say yes.")
    with MeshServer(upstream=Upstream(embedded_model, "unused", MODEL)) as mesh:
        here = replace(flow, mesh=mesh)
        tables = []
        for stream in (False, True):
            # The answers of a real model depend on what it answers at the same time.
            config = {"max_tokens": 24, "max_concurrency": 1, "output_columns": "full"}
            assert here.run({**config, "stream": stream}).succeeded
            tables.append(here.answers)
    same = ("completion", "finish_reason", "prompt_tokens", "completion_tokens", "error_type")
    for plain, streamed in zip(*tables, strict=True):
        assert [streamed[it] for it in same] == [plain[it] for it in same]
        assert (
            0 < float(streamed["time_to_first_token_seconds"]) < float(streamed["latency_seconds"])
        )
    assert "Tokyo" in here.column("completion")[0]


def test_the_recipe_classifies_reviews_by_a_schema_that_the_model_keeps_to(
    flow: Flow, embedded_model: str
) -> None:
    with (EXAMPLES / "reviews.csv").open(encoding="utf-8", newline="") as file:
        reviews = list(csv.DictReader(file))[:12]
    flow.project.create_texts("prompts", reviews)
    settings = json.loads((EXAMPLES / "reviews.json_schema.json").read_text(encoding="utf-8"))
    model = Upstream(embedded_model, "unused", MODEL)
    with MeshServer(upstream=model, response_format="honoured") as mesh:
        here = replace(flow, mesh=mesh)
        result = here.run({**settings, "llm_id": LLM_ID, "native_json_schema": True})
        assert len(mesh.calls) == len(reviews)
        assert all("response_format" in call.body for call in mesh.calls)
    assert result.succeeded, result.text
    assert not any(here.column("error_type"))
    assert {*here.column("sentiment")} == {"Positive", "Negative"}
    right = sum(row["sentiment"] == row["label"] for row in here.answers)
    # A coin gets half of them.
    assert right >= 8


def test_probing_the_model_shows_what_it_does(flow: Flow, embedded_model: str) -> None:
    """Of the small model, what its server does for sure; what it makes of instructions is its own affair."""
    upstream = Upstream(embedded_model, "unused", MODEL)
    with MeshServer(upstream=upstream, response_format="honoured") as mesh:
        result = replace(flow, mesh=mesh).macro({"probe_capabilities": True, "name_filter": LLM_ID})
    assert result.succeeded, result.text
    names = [it["name"] for it in result.result["columns"]]
    (row,) = result.result["records"]
    found = dict(zip(names, row, strict=True))
    assert found["status"] == "answers"
    sure = {
        "streaming": "honoured",
        "usage": "reported",
        "response_format": "honoured",
        "temperature": "accepted",
        "max_tokens": "honoured",
    }
    assert {name: found[name] for name in sure} == sure, found
    assert found["images"] not in ("honoured", "not checked")
    assert found["calls"] == "9"
    assert 100 < int(found["tokens"]) < 5_000


def test_a_trial_shows_what_the_model_answers(flow: Flow, embedded_model: str) -> None:
    flow.ask("What is the capital of Japan?", "Say <b>yes</b>.", "not asked")
    with MeshServer(
        upstream=Upstream(embedded_model, "unused", MODEL), project=flow.mesh.project
    ) as mesh:
        here = replace(flow, mesh=mesh)
        here.has_recipe({"max_tokens": 16})
        result = here.macro({"recipe": "ask", "rows": 2}, "try-rows")
    assert result.succeeded, result.text
    page = result.result["html"]
    assert "Tokyo" in page
    assert "Say &lt;b&gt;yes&lt;/b&gt;." in page
    assert "2 rows, 0 failed, 2 calls" in page
    assert len(mesh.calls) == 2
