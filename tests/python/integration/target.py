"""Which DSS the kit uses, as the environment says, and what of it may stand nowhere."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from integration.findings import KitError

ON, OFF = ("1", "true", "yes"), ("", "0", "false", "no")
HIDDEN = "(hidden)"
# The beginning of a key that was cut off is hidden too, from so many characters on: keys of DSS begin alike.
FEWEST = 8
ANY_KEY = re.compile(r"\bdku[a-z]{1,4}-\w{16,}")
REQUIRED = ("DSS_URL", "DSS_API_KEY", "LLM_ID")


@dataclass(frozen=True, slots=True)
class Target:
    """`pause_seconds`: how slow a reader is made to be, to see whether its stream ends.

    `call_seconds`: how long DSS may be silent in a call; `build_seconds`: how long a code env may take.
    `still_seconds`: after which a process that was aborted and tells no more is taken for dead.
    """

    url: str
    api_key: str = field(repr=False)
    llm_id: str
    connection: str = "filesystem_managed"
    folder_connection: str = "filesystem_folders"
    interpreter: str | None = None
    update_plugin: bool = False
    keep: bool = False
    pause_seconds: float = 35.0
    still_seconds: float = 5.0
    wait_seconds: float = 120.0
    call_seconds: float = 600.0
    build_seconds: float = 3600.0

    def clean(self, text: str) -> str:
        """Without the key, whole or cut, as it is or as HTTP sends it, and without any other that a log may hold."""
        sent = base64.b64encode(f"{self.api_key}:".encode()).decode()
        for it in filter(None, (self.api_key, sent, urlsplit(self.url).password)):
            text = re.sub(_beginning(it), HIDDEN, text)
        return ANY_KEY.sub(HIDDEN, text)


def target(environment: Mapping[str, str]) -> Target | None:
    """None where a required variable is missing. Raises KitError where a switch is neither on nor off."""
    if missing(environment):
        return None
    given = {name: it.strip() for name, it in environment.items()}
    url, api_key, llm_id = (given[it] for it in REQUIRED)
    return Target(
        url.rstrip("/"),
        api_key,
        llm_id,
        connection=given.get("DSS_CONNECTION") or "filesystem_managed",
        folder_connection=given.get("DSS_FOLDER_CONNECTION") or "filesystem_folders",
        interpreter=given.get("DSS_INTERPRETER") or None,
        update_plugin=_is_on(given, "UPDATE_PLUGIN"),
        keep=_is_on(given, "KEEP"),
    )


def _is_on(given: Mapping[str, str], name: str) -> bool:
    value = given.get(name, "").casefold()
    if value not in ON + OFF:
        raise KitError(f"{name} is '{given[name]}': set it to 1 or to 0. No DSS is touched.")
    return value in ON


def _beginning(secret: str) -> str:
    """A pattern of the whole, and of any beginning of it that is long enough to tell something."""
    first, rest = secret[:FEWEST], secret[FEWEST:]
    tail = "".join(f"(?:{re.escape(it)}" for it in rest) + ")?" * len(rest)
    return re.escape(first) + tail


def missing(environment: Mapping[str, str]) -> list[str]:
    return [it for it in REQUIRED if not environment.get(it, "").strip()]


def skipped(environment: Mapping[str, str]) -> str:
    names = " and ".join(missing(environment))
    return f"Skipped, no DSS is touched: set {names} (see tests/python/integration/README.md)."
