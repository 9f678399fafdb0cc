"""What every contender is asked, and the check that every answer is its row's.

Imported by each contender in its own environment: the standard library only.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

CONCURRENCY = 64
PROJECT_KEY = "BENCH"
LLM_ID = "openai:bench:stub-model"
TEMPERATURE = 0.0
MAX_TOKENS = 500
SYSTEM = (
    "You read reviews of household products for a shop. For each review say in one calm paragraph what the customer"
    " liked, what they disliked, whether they would buy again, and which department should read it. Use plain words,"
    " do not repeat the review, and do not guess at anything that the customer did not write."
)
REVIEW = (
    "I bought this kettle in spring and have used it every day since. It boils fast and pours without a drop beside"
    " the cup, but the lid has become loose and the switch now needs two tries. Support answered within a day."
)


class WrongAnswerError(Exception):
    """An answer that is not its row's, came twice, or never came."""


@dataclass(slots=True)
class Job:
    """One run: ask `rows` conversations of the API at `base_url`, and `take` each answer."""

    base_url: str
    rows: int
    answered: set[int] = field(default_factory=set)

    def take(self, row: int, text: object) -> None:
        if not answers_row(row, text):
            raise WrongAnswerError(f"Row {row} got the answer {str(text)[:40]!r}.")
        if row in self.answered:
            raise WrongAnswerError(f"Row {row} was answered twice.")
        self.answered.add(row)


def user_message(row: int) -> str:
    return f"id={row}; {REVIEW}"


def messages(row: int) -> list[Any]:
    """Typed clients each have types of their own for these two mappings."""
    return [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": user_message(row)},
    ]


def answers_row(row: int, text: object) -> bool:
    return isinstance(text, str) and text.startswith(f"id={row}; ")


async def ask_rows(job: Job, ask: Callable[[int], Awaitable[object]]) -> None:
    """The window of the async contenders: workers on one iterator. `ask` gives the text of a row's answer."""
    rows = iter(range(job.rows))

    async def work() -> None:
        for row in rows:
            job.take(row, await ask(row))

    await asyncio.gather(*(work() for _ in range(CONCURRENCY)))


def contend(answer_all: Callable[[Job], None]) -> None:
    """A contender's process: it ends well only when every row has its answer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("base_url")
    parser.add_argument("rows", type=int)
    arguments = parser.parse_args()
    job = Job(arguments.base_url, arguments.rows)
    answer_all(job)
    if len(job.answered) != job.rows:
        raise WrongAnswerError(f"{len(job.answered)} of {job.rows} rows have an answer.")
