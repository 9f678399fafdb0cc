"""A job that ended: its state, its log, what the code in it told, and the answers that follow, each on its own."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dataikuapi.utils import DataikuException

from integration.findings import ANSWERED, NOT_ANSWERED, Answer, KitError

MARK = "KIT {"
ENDED = ("DONE", "FAILED", "ABORTED")
LINES, WIDTH = 20, 300


@dataclass(frozen=True, slots=True)
class Ran:
    """`log`: without a credential. `told`: what the code in the job said, by name."""

    state: str
    log: str
    told: Mapping[str, Any]

    @property
    def evidence(self) -> Mapping[str, object]:
        """The log's last lines too: the kit deletes the log with its project."""
        lines = [it for it in self.log.splitlines() if it.strip()]
        return {"job": self.state, "end of its log": [it[-WIDTH:] for it in lines[-LINES:]]}

    def must_be(self, wanted: str, what: str) -> None:
        """Raises KitError where the job ended otherwise."""
        if self.state != wanted:
            raise KitError(f"{what}: the job ended {self.state}.", self.evidence)


def answer(
    ran: Ran, question: str, probe: str, found: Callable[[Any], Answer], raised: str = ""
) -> Answer:
    """From what one probe told, never raising: where it failed, no other question is lost.

    `raised`: what an error of the probe answers; blank where it answers nothing.
    """
    if probe not in ran.told:
        words = f"the job ended {ran.state} without a word on {probe}"
        return Answer(question, words, ran.evidence, NOT_ANSWERED)
    told = ran.told[probe]
    if isinstance(told, dict) and told.keys() == {"error"}:
        state = ANSWERED if raised else NOT_ANSWERED
        return Answer(question, f"{raised or probe}: {told['error']}", told, state)
    try:
        return found(told)
    except Exception as error:  # noqa: BLE001  # what a probe told may lack anything
        words = f"{probe}: {type(error).__name__}: {error}"
        return Answer(question, words[:300], {"told": told}, NOT_ANSWERED)


def state(job: Any) -> str:
    return str(job.get_status().get("baseStatus", {}).get("state", ""))


def log_of(job: Any) -> str:
    """With those of its activities where the job's own does not hold them."""
    whole = _log(job)
    if MARK in whole:
        return whole
    activities = job.get_status().get("baseStatus", {}).get("activities") or {}
    return "\n".join([whole, *(_log(job, it) for it in activities)])


def _log(job: Any, *activity: str) -> str:
    """Where it cannot be read, the others may."""
    try:
        return str(job.get_log(*activity))
    except DataikuException as error:
        return f"no log: {error}"


def marks(log: str) -> dict[str, Any]:
    """What `say` of inside/saying.py wrote, whatever DSS put before it in the line."""
    told: dict[str, Any] = {}
    for line in log.splitlines():
        _, mark, rest = line.partition(MARK)
        if mark:
            try:
                said = json.loads("{" + rest)
            except json.JSONDecodeError:
                continue  # a line that was cut
            told[said["name"]] = said["found"]
    return told
