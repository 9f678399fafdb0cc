"""The door to the list of prices: what it recognises, and that it takes no guess."""

import subprocess
import sys
from decimal import Decimal

import pytest

from mesh_prompt_batch.adapters.price_list import list_price


@pytest.mark.parametrize(
    "llm_id",
    [
        "openai:any connection:gpt-4o",
        "openai:c:GPT-4o",
        "openai:c:gpt-4o-2024-08-06",
        "cohere:c:command-r-plus",
        "anthropic:c:claude-sonnet-4-5-20250929",
        "bedrock:c:anthropic.claude-3-haiku-20240307-v1:0",
        "bedrock:c:us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "bedrock:c:amazon.nova-lite-v1:0",
        "vertex:c:gemini-2.5-pro",
        "mistral:c:mistral-large-latest",
    ],
)
def test_known_models_have_a_price(llm_id: str) -> None:
    price = list_price(llm_id)
    assert price is not None
    assert 0 < price.input <= price.output < 200
    assert price.listed_as


@pytest.mark.parametrize(
    "llm_id",
    [
        "openai:c:gpt-4o-mine",
        "openai:c:ft:gpt-4o-2024-08-06:us:1",
        "openai:c:text-embedding-3-small",
        "openai:demo:small-model",
        "anthropic:c:claude-sonnet-4-5-turbo",
        "bedrock:c:amazon.nova-lite-v7:0",
        "bedrock:c:amazon.nova-lite-tuned-by-us",
        "vertex:c:gemini-2.5-pro-of-ours",
        "azureopenai:c:gpt-4o",
        "custom:c:gpt-4o",
        "huggingfacelocal:c:gpt-4o",
        "agent:aBcD1234",
        "retrieval-augmented-llm:gpt-4o",
        "gpt-4o",
        "openai:gpt-4o",
        "openai:c:",
        "",
    ],
)
def test_whatever_is_not_spelt_out_in_the_list_has_none(llm_id: str) -> None:
    assert list_price(llm_id) is None


def test_releases_that_the_list_prices_apart_keep_their_own_price() -> None:
    first, later = list_price("openai:c:gpt-4o-2024-05-13"), list_price("openai:c:gpt-4o")
    assert first is not None
    assert later is not None
    assert (first.input, later.input) == (Decimal(5), Decimal("2.5"))


def test_a_price_with_tiers_holds_up_to_the_first() -> None:
    price = list_price("vertex:c:gemini-1.5-pro")
    assert price is not None
    assert price.longest_prompt == 128_000


def test_the_list_is_read_when_first_needed_and_opens_neither_socket_nor_thread() -> None:
    code = """
import sys, threading
opened = []
sys.addaudithook(lambda event, _: opened.append(event) if event.startswith("socket.") else None)
from mesh_prompt_batch.adapters.price_list import list_price
list_price("agent:a")
assert "genai_prices" not in sys.modules
assert list_price("openai:c:gpt-4o")
assert "genai_prices" in sys.modules
assert not opened, opened
assert threading.active_count() == 1
"""
    done = subprocess.run(  # a process that has imported nothing yet
        [sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}, check=False
    )
    assert done.returncode == 0
