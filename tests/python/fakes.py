"""Fakes that unit tests share: datasets in memory, and a Mesh that answers by rule."""

import asyncio
import contextlib
import io
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import IO

from mesh_prompt_batch.answer import completion_from
from mesh_prompt_batch.completion import Completion, CompletionRequest
from mesh_prompt_batch.errors import SettingsError
from mesh_prompt_batch.output import Cell, Column


@dataclass
class FakeSource:
    """A dataset of string columns, read `chunk` rows at a time."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    chunk: int = 7

    def schema(self) -> list[Column]:
        return [{"name": name, "type": "string"} for name in self.columns]

    def chunks(self, columns: Sequence[str]) -> Iterator[list[tuple[str, ...]]]:
        at = [self.columns.index(name) for name in columns]
        for start in range(0, len(self.rows), self.chunk):
            yield [tuple(row[it] for it in at) for row in self.rows[start : start + self.chunk]]


@dataclass
class FakeTarget:
    """`content` is None until it was written whole; the first `broken` writes fail in the middle."""

    appends: bool = False
    broken: int = 0
    loses: int = 0
    refuses: str = ""
    content: list[list[Cell]] | None = None
    schema: Sequence[Column] = ()
    opened: int = 0
    metrics: dict[str, float] | None = None
    unpublishable: bool = False

    def check(self, schema: Sequence[Column]) -> None:
        if self.refuses:
            raise SettingsError(self.refuses)

    def write(self, schema: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> int:
        self.opened += 1
        self.schema = schema
        written = []
        for row in rows:
            if self.opened <= self.broken:
                raise OSError(f"storage refuses {row}")
            written.append(list(row))
        if self.opened <= self.broken:
            raise OSError("storage refuses to end")
        self.content = written
        return len(written) - self.loses

    def publish(self, metrics: Mapping[str, float]) -> None:
        if self.unpublishable:
            raise OSError("no metrics here")
        self.metrics = dict(metrics)

    def column(self, name: str) -> list[Cell]:
        assert self.content is not None
        at = [column["name"] for column in self.schema].index(name)
        return [row[at] for row in self.content]


def question_of(request: CompletionRequest) -> str:
    """What is asked last."""
    return list(request.texts())[-1]


@dataclass
class FakeCalls:
    """Answers each question with itself, or as `rule` says: with text, an error, or after so many turns."""

    rule: Callable[[str], str | Exception | int] = str
    asked: list[str] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    entered: int = 0
    left: int = 0
    cancelled: int = 0

    async def __aenter__(self) -> Callable[[CompletionRequest], Awaitable[Completion]]:
        self.entered += 1
        return self._complete

    async def __aexit__(self, *_: object) -> None:
        self.left += 1

    async def _complete(self, request: CompletionRequest) -> Completion:
        question = question_of(request)
        self.asked.append(question)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await self._answer(question)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.in_flight -= 1

    async def _answer(self, question: str) -> Completion:
        answer = self.rule(question)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            for _ in range(answer):
                await asyncio.sleep(0)
            answer = question
        return answered(answer)


def answered(text: str, llm_id: str = "llm") -> Completion:
    """As an LLM would answer."""
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 2, "completion_tokens": 1}
    return completion_from({"choices": [choice], "usage": usage}, llm_id, 0.1)


class FakeFolder:
    """Objects in memory, shared by all who hold it; `trouble` may raise before anything is done."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.trouble: Callable[[str, str], None] = lambda action, name: None
        self.writes: list[str] = []

    def names(self) -> list[str]:
        self.trouble("names", "")
        return sorted(self.objects)

    def read(self, name: str) -> AbstractContextManager[io.BytesIO]:
        self.trouble("read", name)
        return contextlib.closing(io.BytesIO(self.objects[name]))

    def has(self, name: str) -> bool:
        self.trouble("has", name)
        return name in self.objects

    def write(self, name: str, stream: IO[bytes]) -> None:
        self.trouble("write", name)
        self.objects[name] = stream.read()
        self.writes.append(name)

    def delete(self, name: str) -> None:
        self.trouble("delete", name)
        del self.objects[name]


async def forever() -> None:
    """Until it is cancelled."""
    await asyncio.Event().wait()
