"""Inside a recipe: waits to be aborted, and tells which signal came and how long it lived on."""

import json
import signal
import time

import dataiku
from integration.inside.saying import Told, say

LONGEST = 300


def waiting(kit: Told) -> None:
    started, received = time.monotonic(), list[Told]()

    def note(number: int, _frame: object) -> None:
        received.append({"signal": signal.Signals(number).name, "at": time.monotonic() - started})

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, note)
    say("waiting", True)
    while time.monotonic() - started < LONGEST:
        time.sleep(0.2)
        if received:
            lived = round(time.monotonic() - started - received[0]["at"], 1)
            say(
                "after the signal", {"signals": [it["signal"] for it in received], "seconds": lived}
            )
            report(kit, lived)


def report(kit: Told, lived: float) -> None:
    """Whether the backend still listens to a process that is being aborted."""
    try:
        content = json.dumps({"seconds": lived}).encode()
        dataiku.Folder(kit["folder"]).upload_data("after_the_signal.json", content)
        say("upload after the signal", "taken")
    except Exception as error:  # noqa: BLE001  # its type is the answer
        say("upload after the signal", f"refused ({type(error).__name__})")
