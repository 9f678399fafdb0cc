"""`MeshClient` in a code recipe, where nobody types a key, and tutorial code that works unchanged."""

from pathlib import Path

from local_dss import faults
from local_flow import Flow

CODE = """
import dataiku
dataiku.use_plugin_libs("mesh-prompt-batch")
from mesh_prompt_batch import MeshClient

client = MeshClient()
LLM_ID = "openai:demo:small-model"
print("ids", [it["id"] for it in client.list_llms()])
print("text", client.complete(LLM_ID, "Name rivers.", system="Be brief.", temperature=0).text)
answer = client.stream(LLM_ID, "Tell me a story.", max_tokens=500)
print("pieces", list(answer))
print("usage", answer.completion.usage.completion_tokens, answer.completion.finish_reason)

messages = [{"role": "system", "content": "You write."}, {"role": "user", "content": "Hello"}]
response = client.openai.chat.completions.create(
    model=LLM_ID, messages=messages, temperature=0, max_tokens=500
)
print("tutorial", response.choices[0].message.content, response.usage.total_tokens)
pieces = []
for chunk in client.openai.chat.completions.create(
    model=LLM_ID, messages=messages, temperature=0, max_tokens=500, stream=True
):
    pieces.append(chunk.choices[0].delta.content or "")
print("streamed", "".join(pieces))
"""


def test_inside_dss_it_needs_no_key(flow: Flow, tmp_path: Path) -> None:
    result = flow.code_recipe(CODE, tmp_path)
    assert result.succeeded, result.text
    for line in (
        "text You said: Name rivers.",
        "pieces ['You', ' said:', ' Tell', ' me', ' a', ' story.']",
        "usage 6 stop",
        "tutorial You said: Hello 6",
        "streamed You said: Hello",
    ):
        assert line in result.lines
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
    start = CODE.split('print("ids"', maxsplit=1)[0]
    # Put together, so that the line of code that a stack shows has no prompt in it.
    result = flow.code_recipe(f'{start}list(client.stream(LLM_ID, "canary".upper()))\n', tmp_path)
    assert "server" in result.banner
    assert flow.mesh.calls[0].body["messages"][0]["content"] == "CANARY"
    assert "CANARY" not in result.text + result.banner
