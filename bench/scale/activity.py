"""A partition in streams of rows: in which state its runs are, and what keeps them from going faster."""

import math
import sys
from dataclasses import dataclass, field
from pathlib import Path

from bench.scale.figures import Provider
from bench.scale.leases import Keeper

sys.path.append(str(Path(__file__).resolve().parents[2] / "python-lib"))
from mesh_prompt_batch.breaker import Breaker

STARTING, LOADING, ASKING, WRITING, FAILED, DONE = (
    "starting",
    "reading earlier answers",
    "asking",
    "writing the output",
    "waiting to be built again",
    "done",
)
DOWN, NO_SHARE, LAST_ROWS = "a provider that is down", "its share being settled", "its last calls"
CPU, AT_ONCE, REQUESTS, TOKENS = (
    "CPU",
    "'Calls at once'",
    "'Requests a minute'",
    "'Tokens a minute'",
)
HIDDEN_AT_ONCE, HIDDEN_MINUTE = "calls the provider takes at once", "the provider's limit a minute"
HIDDEN = (HIDDEN_AT_ONCE, HIDDEN_MINUTE)


@dataclass(frozen=True, slots=True)
class Found:
    """What concurrency that is found out makes of a hidden limit: the part of it that is used, calls refused a row."""

    used: float
    refused: float


@dataclass(slots=True)
class Activity:
    """One partition's runs, one after the other. `answered`: rows; `uploads`: of the run at work."""

    number: int
    rows: int
    state: str = STARTING
    run: int = 0
    answered: float = 0.0
    rate: float = 0.0
    by: str = ""
    found_objects: int = 0
    uploads: float = 0.0
    uploads_a_second: float = 0.0
    keeper: Keeper | None = None
    breaker: Breaker = field(default_factory=Breaker)
    killed: bool = False

    @property
    def left(self) -> float:
        return self.rows - self.answered


def hidden_rate(provider: Provider, now: float = 0.0) -> tuple[str, float]:
    """Rows a second that the provider takes at most, and by what."""
    at_once = (provider.bears or math.inf) / provider.mean_latency
    a_minute = provider.takes_a_minute(now) / 60
    return (HIDDEN_AT_ONCE, at_once) if at_once < a_minute else (HIDDEN_MINUTE, a_minute)
