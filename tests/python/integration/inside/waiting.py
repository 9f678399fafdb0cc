"""Inside a recipe: waits to be aborted, and tells which signals came and how long it lived on."""

import itertools
import json
import signal
import time
from typing import List

import dataiku
from integration.inside.saying import Told, say

LONGEST = 300


def waiting(kit: Told) -> None:
    started = time.monotonic()
    received: List[Told] = []

    def note(number: int, _frame: object) -> None:
        received.append({"signal": signal.Signals(number).name, "at": time.monotonic() - started})

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, note)
    # In turn: an upload that is killed halfway leaves the one before.
    files = itertools.cycle(kit["noted"])
    upload(kit, next(files), {"signals": [], "seconds": 0.0})
    say("waiting", True)
    while time.monotonic() - started < LONGEST:
        time.sleep(0.2)
        if received:
            lived = round(time.monotonic() - started - received[0]["at"], 1)
            seen = {"signals": [it["signal"] for it in received], "seconds": lived}
            say("after the signal", seen)
            report(kit, next(files), seen)


def report(kit: Told, file: str, seen: Told) -> None:
    """Whether the backend still listens to a process that is being aborted."""
    try:
        upload(kit, file, seen)
        say("upload after the signal", "taken")
    except Exception as error:  # noqa: BLE001  # its type is the answer
        say("upload after the signal", f"refused ({type(error).__name__})")


def upload(kit: Told, file: str, seen: Told) -> None:
    """What the log of a job that is aborted may not hold any more."""
    dataiku.Folder(kit["folder"]).upload_data(file, json.dumps(seen).encode())
