"""How code inside DSS tells the kit what it found: one line of its log each, never a value that is secret.

DSS's own Python, in which code recipes run, may be a 3.6 or a 3.7: all of inside/ must run there.
"""

import json
from typing import Any, Callable, Dict

Told = Dict[str, Any]


def say(name: str, found: object) -> None:
    print("KIT " + json.dumps({"name": name, "found": found}, default=str), flush=True)  # noqa: T201


def attempt(name: str, probe: Callable[[Told], object], kit: Told) -> None:
    """One that fails stops no other."""
    try:
        say(name, probe(kit))
    except Exception as error:  # noqa: BLE001  # whatever it is, the kit wants to know
        say(name, {"error": f"{type(error).__name__}: {str(error)[:300]}"})
