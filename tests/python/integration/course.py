"""The kit from start to end: install, all steps, remove; what one step breaks, the next does not feel."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import requests
from dataikuapi import DSSClient

from integration import job_steps, macro_steps, recipe_steps, route_steps
from integration.findings import NOT_ANSWERED, Answer, Check, Finding, KitError, Step
from integration.installing import installed
from integration.removal import Removal
from integration.report import Report
from integration.target import Target
from integration.workspace import Workspace

# The recipe's steps first: others read what they made.
STEPS = (*recipe_steps.STEPS, *macro_steps.STEPS, *route_steps.STEPS, *job_steps.STEPS)
MOST_CALLS = 100


@dataclass(frozen=True, slots=True)
class Voice:
    """How the kit speaks to who started it; `pause` comes back when they have looked."""

    say: Callable[[str], None]
    pause: Callable[[str], object]


def calls(steps: Sequence[Step]) -> int:
    return sum(it.calls for it in steps)


def run_kit(target: Target, archive: Path, voice: Voice, steps: Sequence[Step] = STEPS) -> Report:
    """Whatever happens, what was made is removed and a report comes out."""
    client = DSSClient(target.url, target.api_key)
    removal, findings, stopped, version = Removal(voice.say), list[Finding](), "", "unknown"
    voice.say(f"at most {calls(steps)} calls of {target.llm_id}, paid by the owner of DSS_API_KEY")
    try:
        work = installed(client, target, archive, removal)
        version = work.version
        for step in steps:
            voice.say(step.name)
            findings.extend(performed(step, work))
        if target.keep:
            voice.pause(f"Look at the project {work.project.project_key}, then press Enter: ")
    except KeyboardInterrupt:
        stopped = "It was interrupted."
    except requests.ConnectionError as error:
        stopped = (
            f"DSS_URL does not answer ({type(error).__name__}): check the address, the network and, for a private"
            " certificate authority, REQUESTS_CA_BUNDLE."
        )
    except Exception as error:  # noqa: BLE001  # whatever it is, the report says it
        named = "" if isinstance(error, KitError) else f"{type(error).__name__}: "
        stopped = f"It could not go on: {named}{str(error)[:800]}"
    finally:
        removal.now()
    return Report(
        target=target,
        dss_version=version,
        plugin=archive.name,
        made_at=time.strftime("%Y-%m-%d %H:%M %Z"),
        most_calls=calls(steps),
        findings=tuple(findings),
        removed=tuple(removal.removed),
        left=tuple(removal.left),
        stopped=stopped,
    )


def performed(step: Step, work: Workspace) -> Iterator[Finding]:
    """What it found; where it breaks, the questions that it leaves are told."""
    open_questions = [*step.questions]
    try:
        for finding in step.run(work):
            if isinstance(finding, Answer) and finding.question in open_questions:
                open_questions.remove(finding.question)
            yield finding
    except Exception as error:  # noqa: BLE001  # the next step may still find its answers
        words = str(error) if isinstance(error, KitError) else f"{type(error).__name__}: {error}"
        yield Check(f"The step '{step.name}' comes to its end", passed=False, detail=words[:600])
        for question in open_questions:
            yield Answer(question, words[:300], state=NOT_ANSWERED)
