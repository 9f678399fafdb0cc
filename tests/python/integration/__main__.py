"""`make integration`: the kit on the DSS that the environment names, or one sentence why not."""

import argparse
import contextlib
import os
import sys
from pathlib import Path

from integration.course import Voice, run_kit
from integration.interruption import Interruption
from integration.report import clean
from integration.target import skipped, target


def main() -> int:
    """0 where all is well, or nothing was to be done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path, help="the plugin's zip")
    parser.add_argument("--report", type=Path, default=Path("integration-report"))
    given = parser.parse_args()
    chosen = target(os.environ)
    if chosen is None:
        print(skipped(os.environ))  # noqa: T201  # a command line
        return 0
    interruption = Interruption()
    interruption.listen()
    voice = Voice(lambda text: _say(clean(text, chosen)), _wait_for_enter)
    report = run_kit(chosen, given.archive, voice, interruption=interruption)
    page = report.save(given.report)
    voice.say(f"{report.summary}\n{page}")
    return 0 if report.is_good else 1


def _say(text: str) -> None:
    """A terminal that is gone keeps nothing from being removed."""
    with contextlib.suppress(OSError):
        print(text, flush=True)  # noqa: T201  # a command line


def _wait_for_enter(prompt: str) -> None:
    """Where nobody can press it, nobody looks either."""
    with contextlib.suppress(EOFError):
        input(prompt)


if __name__ == "__main__":
    sys.exit(main())
