"""Which DSS the kit uses, as the environment says."""

from collections.abc import Mapping
from dataclasses import dataclass, field

REQUIRED = ("DSS_URL", "DSS_API_KEY", "LLM_ID")


@dataclass(frozen=True, slots=True)
class Target:
    """`pause_seconds`: how slow a reader is made to be, to see whether its stream ends."""

    url: str
    api_key: str = field(repr=False)
    llm_id: str
    connection: str = "filesystem_managed"
    folder_connection: str = "filesystem_folders"
    interpreter: str | None = None
    update_plugin: bool = False
    keep: bool = False
    pause_seconds: float = 35.0
    wait_seconds: float = 120.0


def target(environment: Mapping[str, str]) -> Target | None:
    """None where a required variable is missing."""
    if missing(environment):
        return None
    url, api_key, llm_id = (environment[it] for it in REQUIRED)
    return Target(
        url.rstrip("/"),
        api_key,
        llm_id,
        connection=environment.get("DSS_CONNECTION") or "filesystem_managed",
        folder_connection=environment.get("DSS_FOLDER_CONNECTION") or "filesystem_folders",
        interpreter=environment.get("DSS_INTERPRETER") or None,
        update_plugin=bool(environment.get("UPDATE_PLUGIN")),
        keep=bool(environment.get("KEEP")),
    )


def missing(environment: Mapping[str, str]) -> list[str]:
    return [it for it in REQUIRED if not environment.get(it)]


def skipped(environment: Mapping[str, str]) -> str:
    names = " and ".join(missing(environment))
    return f"Skipped, no DSS is touched: set {names} (see tests/python/integration/README.md)."
