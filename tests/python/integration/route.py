"""Calls to the OpenAI-compatible route as any client makes them, with DSS's own words where it refuses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

from integration.workspace import Workspace

SECONDS = 300
QUESTION = "Name one river. Answer with its name alone."


@dataclass(frozen=True, slots=True)
class Reply:
    """`body`: as parsed, or text that is no JSON."""

    status: int
    body: Any

    @property
    def words(self) -> str:
        """The status, and what DSS says of it."""
        if self.status < 400:
            return f"HTTP {self.status}"
        told = self.body if isinstance(self.body, dict) else {"message": str(self.body)}
        said = told.get("detailedMessage") or told.get("message") or told.get("error")
        return f"HTTP {self.status} {told.get('errorType', '')}: {str(said)[:200]}"

    @property
    def choices(self) -> list[Any]:
        """Of whatever came with 200: nothing is taken for granted."""
        found = _mapping(self.body).get("choices")
        return found if isinstance(found, list) else []

    @property
    def choice(self) -> Mapping[str, Any]:
        """The first."""
        return _mapping(self.choices[0] if self.choices else None)

    @property
    def message(self) -> Mapping[str, Any]:
        return _mapping(self.choice.get("message"))

    @property
    def usage(self) -> Mapping[str, Any]:
        return _mapping(_mapping(self.body).get("usage"))

    @property
    def text(self) -> str:
        return str(self.message.get("content") or "")


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


class Route:
    """The kit's own session: its key, its certificates."""

    def __init__(self, work: Workspace) -> None:
        self._session = work.client._session
        self._llm_id = work.target.llm_id
        self._root = f"{work.target.url}/dip/publicapi/projects"
        self.base = f"{self._root}/{work.project.project_key}/llms/openai/v1"

    def chat(self, question: object = QUESTION, **changes: Any) -> Reply:
        """`question`: text, or parts; `changes`: arguments, None for one to be left out."""
        asked = {**self.body(question), **changes}
        given = {name: it for name, it in asked.items() if it is not None}
        return self.post("chat/completions", given)

    def body(self, question: object = QUESTION) -> dict[str, Any]:
        asked = [{"role": "user", "content": question}]
        return {"model": self._llm_id, "messages": asked, "max_tokens": 200}

    def post(self, path: str, body: Mapping[str, object]) -> Reply:
        return self._reply(self._session.post(f"{self.base}/{path}", json=body, **self._sent))

    def models(self, *, project: str = "", key: str = "") -> Reply:
        """With another project's name, or another key than the kit's."""
        base = f"{self._root}/{project}/llms/openai/v1" if project else self.base
        if key:
            bare = {"Authorization": f"Bearer {key}"}
            verify = self._session.verify
            answer = requests.get(f"{base}/models", headers=bare, timeout=SECONDS, verify=verify)
            return self._reply(answer)
        return self._reply(self._session.get(f"{base}/models", **self._sent))

    def lines(self, **changes: Any) -> list[str]:
        """Of a stream."""
        asked = {**self.body(), "stream": True, **changes}
        url = f"{self.base}/chat/completions"
        with self._session.post(url, json=asked, stream=True, **self._sent) as response:
            if response.status_code >= 400:
                return [self._reply(response).words]
            return [it.decode() for it in response.iter_lines() if it]

    @property
    def _sent(self) -> dict[str, Any]:
        return {"timeout": SECONDS, "verify": self._session.verify}

    @staticmethod
    def _reply(response: requests.Response) -> Reply:
        try:
            return Reply(response.status_code, response.json())
        except ValueError:
            return Reply(response.status_code, response.text[:300])
