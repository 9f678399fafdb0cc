"""The kit from start to end: install, all steps, remove; what one step breaks, the next does not feel."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from dataikuapi import DSSClient

from integration import job_steps, macro_steps, reading_steps, recipe_steps, route_steps
from integration.findings import NOT_ANSWERED, Answer, Check, Finding, KitError, Step
from integration.installing import Installation
from integration.interruption import GivenUp, Interruption
from integration.removal import Removal
from integration.report import Report
from integration.target import Target
from integration.workspace import Workspace

# The recipe's steps first: others read what they made.
STEPS = (
    *recipe_steps.STEPS,
    *macro_steps.STEPS,
    *route_steps.STEPS,
    *reading_steps.STEPS,
    *job_steps.STEPS,
)
MOST_CALLS = 100


@dataclass(frozen=True, slots=True)
class Voice:
    """How the kit speaks to who started it; `pause` comes back when they have looked."""

    say: Callable[[str], None]
    pause: Callable[[str], object]


def calls(steps: Sequence[Step]) -> int:
    return sum(it.calls for it in steps)


@dataclass
class Course:
    """`version`: of DSS. `findings`: as they come."""

    target: Target
    archive: Path
    voice: Voice
    steps: Sequence[Step]
    interruption: Interruption
    removal: Removal
    version: str = "unknown"
    findings: list[Finding] = field(default_factory=list)

    def gone_through(self) -> str:
        """Why it stopped before its end; blank where it did not. Raises KeyboardInterrupt."""
        try:
            self._go()
        except requests.ReadTimeout:
            return (
                f"DSS did not answer a call in {self.target.call_seconds:g} s; what that call began may still come:"
                " look at the instance again later."
            )
        except requests.ConnectionError as error:
            return (
                f"DSS_URL does not answer ({type(error).__name__}): check the address, the network and, for a private"
                " certificate authority, REQUESTS_CA_BUNDLE."
            )
        except Exception as error:  # noqa: BLE001  # whatever it is, the report says it
            named = "" if isinstance(error, KitError) else f"{type(error).__name__}: "
            return f"It could not go on: {named}{str(error)[:800]}"
        return ""

    def _go(self) -> None:
        most, llm_id = calls(self.steps), self.target.llm_id
        self.voice.say(f"at most {most} calls of {llm_id}, paid by the owner of DSS_API_KEY")
        client = DSSClient(self.target.url, self.target.api_key)
        _limit(client, self.target.call_seconds)
        # After each answer of DSS: between two of them the kit only waits.
        client._session.hooks["response"].append(lambda *_, **__: self.interruption.check())
        work = Installation(
            client, self.target, self.archive, self.removal, self.interruption
        ).made()
        self.version = work.version
        for step in self.steps:
            self.voice.say(step.name)
            for it in performed(step, work):
                self.findings.append(it)
                self.interruption.check()
        if self.target.keep:
            key = work.project.project_key
            self.voice.pause(f"Look at the project {key}, then press Enter: ")


def run_kit(
    target: Target,
    archive: Path,
    voice: Voice,
    steps: Sequence[Step] = STEPS,
    interruption: Interruption | None = None,
) -> Report:
    """Whatever happens, what was made is removed and a report comes out."""
    interruption, removal = interruption or Interruption(), Removal(voice.say, target.wait_seconds)
    course = Course(target, archive, voice, steps, interruption, removal)
    stopped = ""
    try:
        stopped = _through(course)
    except GivenUp:
        stopped = "It was interrupted three times, and removed nothing more."
        removal.give_up()
    interruption.done()
    return Report(
        target=target,
        dss_version=course.version,
        plugin=archive.name,
        made_at=time.strftime("%Y-%m-%d %H:%M %Z"),
        most_calls=calls(steps),
        findings=tuple(course.findings),
        removed=tuple(removal.removed),
        left=tuple(removal.left),
        stopped=stopped,
    )


def _through(course: Course) -> str:
    """Why it stopped early. What was made is removed. Raises GivenUp."""
    stopped = ""
    try:
        stopped = course.gone_through()
        # In here, so that no signal comes between the last step and the removal.
        course.interruption.end()
    except KeyboardInterrupt:
        stopped = "It was interrupted."
    course.interruption.end()
    course.removal.now()
    return stopped


def _limit(client: DSSClient, seconds: float) -> None:
    """The client itself waits for ever."""
    send = client._session.request

    def request(*given: Any, **named: Any) -> requests.Response:
        answered: requests.Response = send(*given, **{"timeout": seconds, **named})
        return answered

    client._session.request = request


def performed(step: Step, work: Workspace) -> Iterator[Finding]:
    """What it found; where it breaks, the questions that it leaves are told."""
    open_questions = [*step.questions]
    try:
        for finding in step.run(work):
            if isinstance(finding, Answer) and finding.question in open_questions:
                open_questions.remove(finding.question)
            yield finding
    except Exception as error:  # noqa: BLE001  # the next step may still find its answers
        known = isinstance(error, KitError)
        words = str(error) if known else f"{type(error).__name__}: {error}"
        seen = error.evidence if isinstance(error, KitError) else {}
        yield Check(f"The step '{step.name}' comes to its end", False, words[:600], seen)
        for question in open_questions:
            yield Answer(question, words[:300], state=NOT_ANSWERED)
