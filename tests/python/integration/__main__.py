"""`make integration`: the kit on the DSS that the environment names, or one sentence why not."""

import argparse
import contextlib
import io
import os
import sys
from pathlib import Path

from integration.course import Voice, run_kit
from integration.findings import KitError
from integration.interruption import Interruption
from integration.report import make_folder
from integration.target import skipped, target


def main() -> int:
    """0 where all is well, or nothing was to be done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path, help="the plugin's zip")
    parser.add_argument("--report", type=Path, default=Path("integration-report"))
    given = parser.parse_args()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Words of others may hold what the terminal cannot show.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        chosen = target(os.environ)
        if chosen is None:
            _say(skipped(os.environ))
            return 0
        make_folder(given.report)
    except KitError as error:
        _say(str(error))
        return 1
    except OSError as error:
        _say(f"No report can be saved in {given.report} ({error}): choose another --report.")
        return 1
    interruption = Interruption()
    interruption.listen()
    voice = Voice(lambda text: _say(chosen.clean(text)), _wait_for_enter)
    report = run_kit(chosen, given.archive, voice, interruption=interruption)
    voice.say(report.summary)
    voice.say(str(report.save(given.report)))
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
