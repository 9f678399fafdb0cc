"""A provider with a hidden limit, in virtual time."""

import asyncio
import math
import random
from collections import deque
from dataclasses import dataclass, field

from fakes import answered, question_of
from mesh_prompt_batch.completion import Completion, CompletionRequest
from mesh_prompt_batch.errors import TransientError

REFUSAL_SECONDS = 0.05


@dataclass
class Provider:
    """Answers after about `latency` seconds; beyond `bears` calls at once or `a_minute` of them it refuses.

    With `queues` it makes the calls beyond `bears` wait instead, as the Mesh does when it throttles. `tells` adds the
    seconds to wait to a refusal. It refuses all calls between the moments `down`, and at any time the share `refuses`.
    """

    latency: float = 1.0
    bears: int = 10**9
    a_minute: int = 10**9
    queues: bool = False
    tells: float | None = None
    down: tuple[float, float] = (math.inf, math.inf)
    refuses: float = 0.0
    spread: float = 0.3
    seed: int = 0
    moments: list[float] = field(default_factory=list)
    refusals: list[float] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._places = asyncio.Semaphore(self.bears)
        self._last_minute: deque[float] = deque()

    async def call(self, request: CompletionRequest) -> Completion:
        now = asyncio.get_running_loop().time()
        self.moments.append(now)
        while self._last_minute and self._last_minute[0] <= now - 60:
            self._last_minute.popleft()
        if self._has_enough(now):
            self.refusals.append(now)
            await asyncio.sleep(REFUSAL_SECONDS)
            raise TransientError("rate_limit", "", status=429, retry_after=self.tells)
        self._last_minute.append(now)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            async with self._places:
                await asyncio.sleep(self.latency * self._random.lognormvariate(0, self.spread))
        finally:
            self.in_flight -= 1
        return answered(question_of(request))

    def _has_enough(self, now: float) -> bool:
        return (
            (not self.queues and self.in_flight >= self.bears)
            or len(self._last_minute) >= self.a_minute
            or self.down[0] <= now < self.down[1]
            or (self.refuses > 0.0 and self._random.random() < self.refuses)
        )

    def refused_share(self, after: float) -> float:
        """Of the calls from a moment on."""
        refused = sum(it >= after for it in self.refusals)
        return refused / max(1, sum(it >= after for it in self.moments))
