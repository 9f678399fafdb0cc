"""A provider that refuses every call for a while, in virtual time: what is answered when, and which rows are lost."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from simulated_run import request
from virtual_time import run

from fakes import answered
from mesh_prompt_batch.completion import Completion, CompletionRequest, Failure
from mesh_prompt_batch.errors import LimitReachedError, RunStoppedError, TransientError
from mesh_prompt_batch.own_limits import Limits, OwnLimits
from mesh_prompt_batch.retry import RetryPolicy, complete_with_retries
from mesh_prompt_batch.router import Router
from mesh_prompt_batch.traffic import Traffic
from mesh_prompt_batch.window import run_window

REFUSAL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Spell:
    """Every call that starts in it is refused; `tells`: the seconds to wait, None where it names none."""

    start: float
    end: float
    tells: float | None = None


@dataclass
class Course:
    """Moments of calls, of answers by LLM, and what became of the rest."""

    calls: list[float] = field(default_factory=list)
    answers: dict[str, list[float]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    stopped: RunStoppedError | None = None

    def a_minute(self, start: float, end: float, llm_id: str = "llm") -> float:
        """Answers a minute between two moments."""
        within = sum(start <= it < end for it in self.answers.get(llm_id, ()))
        return 60.0 * within / (end - start)


USUAL_LIMITS, USUAL_POLICY = Limits(16), RetryPolicy()


def course(
    spells: Sequence[Spell],
    until: float,
    *,
    latency: float = 4.0,
    limits: Limits = USUAL_LIMITS,
    policy: RetryPolicy = USUAL_POLICY,
    fallback: str = "",
) -> tuple[Course, float]:
    """Of rows without end until a moment, and when the last one was decided; the fallback is never refused."""
    asked = _Asked(spells, latency, limits, policy, fallback)
    _, took = run(asked.until(until))
    return asked.seen, took


class _Asked:
    def __init__(
        self,
        spells: Sequence[Spell],
        latency: float,
        limits: Limits,
        policy: RetryPolicy,
        fallback: str,
    ) -> None:
        self.seen = Course()
        self._spells = spells
        self._latency = latency
        self._limits = limits
        self._policy = policy
        self._fallback = fallback
        self._drawn = random.Random(1)

    async def until(self, moment: float) -> None:
        now = asyncio.get_running_loop().time
        self._now = now
        self._traffic = Traffic(OwnLimits(self._limits), self._policy.max_wait, now=now)
        self._router = Router(self._call, self._traffic, lambda: ["llm"], self._fallback)

        async def take() -> int | None:
            return 1 if now() < moment and self._traffic.reason is None else None

        await run_window(take, self._work, self._limits.max_concurrency)
        self.seen.stopped = self._traffic.reason

    async def _work(self, _row: int) -> None:
        try:
            outcome = await complete_with_retries(
                self._router.call,
                request(),
                self._policy,
                self._traffic.sleep,
                self._drawn.random,
            )
        except RunStoppedError as error:
            self._traffic.close(error)
        except LimitReachedError:
            assert self._traffic.reason is not None
        else:
            if isinstance(outcome, Failure):
                self.seen.failures.append(outcome)

    async def _call(self, asked: CompletionRequest) -> Completion:
        if asked.llm_id == "llm":
            self.seen.calls.append(self._now())
            await self._refuse(self._now())
        await asyncio.sleep(self._latency * self._drawn.lognormvariate(0, 0.1))
        self.seen.answers.setdefault(asked.llm_id, []).append(self._now())
        return answered("fine", asked.llm_id)

    async def _refuse(self, now: float) -> None:
        for spell in self._spells:
            if spell.start <= now < spell.end:
                await asyncio.sleep(REFUSAL_SECONDS)
                raise TransientError("rate_limit", "words", status=429, retry_after=spell.tells)
