"""The kit's questions to the OpenAI-compatible route tell apart LLMs that honour, ignore and refuse."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from dataikuapi import DSSClient

from integration import route_steps
from integration.findings import Answer
from integration.interruption import Interruption
from integration.removal import Removal
from integration.target import Target
from integration.workspace import Workspace
from local_dss.abilities import Abilities
from local_dss.faults import respond
from local_dss.instance import Instance
from local_dss.llms import LLM_ID, Body, Manners, completion_body, rule_answer, user_text
from local_dss.mesh_server import MeshServer

KEY = "dku-personal-key"
CALL = {"name": "note_word", "arguments": '{"word": "pelican"}'}


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[MeshServer]:
    with MeshServer(instance=Instance(tmp_path, Path("no-python"))) as mesh:
        yield mesh


def work(mesh: MeshServer) -> Workspace:
    client = DSSClient(mesh.front, KEY)
    project = client.create_project("KIT", "Kit", "analyst")
    return Workspace(
        client, Target(mesh.front, KEY, LLM_ID), project, "", "", Interruption(), Removal(print)
    )


@dataclass(frozen=True)
class Arguments:
    """An LLM that honours all of them, or takes them and does nothing."""

    honoured: bool

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if not self.honoured:
            body.pop("max_completion_tokens", None)
        answer: Any = completion_body(body, rule_answer(user_text(body)), with_usage=True)
        if "tools" in body:
            calls = [{"id": f"call_{it}", "type": "function", "function": CALL} for it in (1, 2)]
            message = answer["choices"][0]["message"]
            message["tool_calls"] = calls[:1] if self.honoured else calls
        elif self.honoured:
            self._honour(body, answer["choices"])
        return await respond(json.dumps(answer))(request)

    def _honour(self, body: dict[str, Any], choices: list[Any]) -> None:
        choice = choices[0]
        if "functions" in body:
            choice["message"] = {"role": "assistant", "content": None, "function_call": CALL}
        if "response_format" in body:
            choice["message"]["content"] = '{"pelican": 1}'
        if "stop" in body:
            choice["message"]["content"] = "1"
        if "logprobs" in body:
            choice["logprobs"] = {"content": []}
        choices.extend([choice] * (body.get("n", 1) - 1))


class AnyLimit(Manners):
    """Takes the token limit by either name."""

    def refusal(self, body: Body) -> str | None:
        return None


ALL_TOLD = "n, response_format, functions, function_call, max_completion_tokens, stop, logprobs"
ARGUMENTS = {
    True: f"honoured: {ALL_TOLD}; accepted and ignored: none; accepted, no answer tells more: seed, service_tier,"
    " parallel_tool_calls, user; refused: none",
    False: f"honoured: none; accepted and ignored: {ALL_TOLD.replace('functions', 'parallel_tool_calls, functions')};"
    " accepted, no answer tells more: seed, service_tier, user; refused: none",
}


def answered(found: Iterator[object]) -> Answer:
    (answer,) = found
    assert isinstance(answer, Answer)
    return answer


@pytest.mark.parametrize("honoured", [True, False])
def test_arguments_that_are_honoured_differ_from_those_that_are_ignored(
    mesh: MeshServer, honoured: bool
) -> None:
    mesh.refuses_unsupported = False
    mesh.manners = {LLM_ID: AnyLimit()}
    mesh.fault_of = {LLM_ID: Arguments(honoured)}
    answer = answered(route_steps.unsupported_arguments(work(mesh)))
    assert answer.answer == ARGUMENTS[honoured]


def test_arguments_that_are_refused_are_told_with_the_words(mesh: MeshServer) -> None:
    answer = answered(route_steps.unsupported_arguments(work(mesh)))
    assert "honoured: none; accepted and ignored: stop, logprobs;" in answer.answer
    assert "refused: n, response_format, seed, " in answer.answer
    assert "Unsupported arguments: n" in str(answer.evidence["n"])


@pytest.mark.parametrize(
    ("ability", "found"),
    [
        ("honoured", "yes, with this LLM: it names the colour"),
        ("ignored", "taken, but not seen: "),
        ("refused", "not with this LLM, refused: HTTP 400 "),
    ],
)
def test_an_image_is_seen_or_dropped_or_refused(mesh: MeshServer, ability: str, found: str) -> None:
    mesh.fault_of = {LLM_ID: Abilities(images=ability)}
    answer = answered(route_steps.images(work(mesh)))
    assert answer.answer.startswith(found)
