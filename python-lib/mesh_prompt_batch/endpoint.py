"""Where the Mesh is and how a caller proves who it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address of the OpenAI-compatible API with one credential for it.

    `credential` is the kind in words, for the log. With a ticket the `headers` carry it and `api_key` is None.
    `verify`: True, False, or the path of a PEM file, as a `requests` session has it.
    """

    base_url: str
    credential: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    api_key: str | None = field(default=None, repr=False)
    verify: bool | str = True
    use_environment_proxies: bool = False


def internal_url(host: str, project_key: str) -> str:
    """The route that every DSS port serves; the backend port of a job serves this one only."""
    return _openai_route(f"{host.rstrip('/')}/dip/publicapi", project_key)


def public_url(host: str, project_key: str) -> str:
    """The documented route, served by the port that users' browsers see."""
    return _openai_route(f"{host.rstrip('/')}/public/api", project_key)


def _openai_route(api: str, project_key: str) -> str:
    return f"{api}/projects/{quote(project_key, safe='')}/llms/openai/v1/"
