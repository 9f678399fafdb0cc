"""`MeshClient` in a code recipe, where nobody types a key, and tutorial code that works unchanged."""

from pathlib import Path

import pytest

from documents import ROOT, Document
from local_dss import faults
from local_flow import Flow

pytestmark = pytest.mark.cold

PAGES = [Document.read(ROOT / it) for it in ("README.md", "docs/python.md")]
DOCUMENTED = [code for it in PAGES for _, code in it.fenced if "client" in code]
CODE = (
    "".join(DOCUMENTED)
    + """
print("ids", [it["id"] for it in client.list_llms()])
print(answer.completion.finish_reason)
pieces = []
for chunk in client.openai.chat.completions.create(
    model=LLM_ID, messages=[{"role": "user", "content": "Hello"}], max_tokens=500, stream=True
):
    pieces.append(chunk.choices[0].delta.content or "")
print("streamed", "".join(pieces))
"""
)


def test_inside_dss_the_code_of_readme_and_docs_needs_no_key(flow: Flow, tmp_path: Path) -> None:
    result = flow.code_recipe(CODE, tmp_path)
    assert result.succeeded, result.text
    for line in (
        "You said: Name three rivers.",
        "You said: Tell me a short story.Usage(prompt_tokens=5, completion_tokens=7, cost=None)",
        "streamed You said: Hello",
    ):
        assert line in result.lines
    assert result.lines.count("You said: Name three rivers.") == 3
    assert "'agent:aBcD1234'" in result.text
    assert {call.headers.get("authorization") for call in flow.mesh.calls} == {None}


def test_where_tickets_are_refused_the_sentence_says_what_to_do(flow: Flow, tmp_path: Path) -> None:
    flow.mesh.gate.mesh_refuses_tickets = 401
    result = flow.code_recipe(CODE, tmp_path)
    assert "add a user secret named 'mesh-prompt-batch-api-key'" in result.banner


def test_an_error_in_mid_stream_is_an_error(flow: Flow, tmp_path: Path) -> None:
    chunk = {"choices": [{"index": 0, "delta": {"content": "Once"}, "finish_reason": None}]}
    broken = {"error": {"message": "the provider went away"}}
    flow.mesh.fault = lambda *_: faults.events(chunk, broken, done=False)
    start = DOCUMENTED[0].split("print(", maxsplit=1)[0]
    # Put together, so that the line of code that a stack shows has no prompt in it.
    result = flow.code_recipe(f'{start}list(client.stream(LLM_ID, "canary".upper()))\n', tmp_path)
    assert "server" in result.banner
    assert flow.mesh.calls[0].body["messages"][0]["content"] == "CANARY"
    assert "CANARY" not in result.text + result.banner
