"""Moments in a job: at one of them a test may want the process to be told to end, or to be gone."""

import os
import threading
from collections import Counter

_passed: Counter[str] = Counter()
_counting = threading.Lock()


def passing(moment: str, killed_at: str) -> None:
    """`killed_at` is moment, count and signal, such as "half an upload:3:9"; "" lets all moments pass."""
    if not killed_at:
        return
    wanted, count, number = killed_at.rsplit(":", 2)
    with _counting:
        _passed[moment] += 1
        due = moment == wanted and _passed[moment] == int(count)
    if due:
        os.kill(os.getpid(), int(number))
