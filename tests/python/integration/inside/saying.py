"""How code inside DSS tells the kit what it found: one line of its log each, never a value that is secret."""

import json
from collections.abc import Callable
from typing import Any

Told = dict[str, Any]


def say(name: str, found: object) -> None:
    print("KIT " + json.dumps({"name": name, "found": found}, default=str), flush=True)  # noqa: T201


def attempt(name: str, probe: Callable[[Told], object], kit: Told) -> None:
    """One that fails stops no other."""
    try:
        say(name, probe(kit))
    except Exception as error:  # noqa: BLE001  # whatever it is, the kit wants to know
        say(name, {"error": f"{type(error).__name__}: {str(error)[:300]}"})
