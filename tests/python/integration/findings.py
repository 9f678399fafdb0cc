"""What the kit finds out: answers to questions, and checks that held or did not."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

ANSWERED, NOT_ANSWERED, LOOK = "answered", "not answered", "look at this"


class KitError(Exception):
    """The kit cannot go on; the message says what to do. `evidence`: what was seen."""

    def __init__(self, words: str, evidence: Mapping[str, object] | None = None) -> None:
        super().__init__(words)
        self.evidence = evidence or {}


@dataclass(frozen=True, slots=True)
class Answer:
    """`evidence`: what was seen, for those who trust no sentence."""

    question: str
    answer: str
    evidence: Mapping[str, object] = field(default_factory=dict)
    state: str = ANSWERED


@dataclass(frozen=True, slots=True)
class Check:
    """`evidence`: of what did not hold."""

    name: str
    passed: bool
    detail: str = ""
    evidence: Mapping[str, object] = field(default_factory=dict)


Finding = Answer | Check


@dataclass(frozen=True, slots=True)
class Step:
    """`questions`: those it answers; `calls`: how many times it asks the LLM at most."""

    name: str
    run: "Callable[[Any], Iterator[Finding]]"
    questions: tuple[str, ...] = ()
    calls: int = 0
