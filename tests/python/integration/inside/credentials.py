"""Inside a recipe: what its ticket opens, at which address."""

from typing import Any, Tuple

import requests

import dataiku
from integration.inside.saying import Told, attempt


def credentials(kit: Told) -> None:
    attempt("ticket", with_ticket, kit)
    attempt("two credentials", with_both, kit)
    attempt("front", at_front, kit)


def with_ticket(kit: Told) -> object:
    client, base = route()
    asked = [{"role": "user", "content": kit["question"]}]
    body = {"model": kit["llm_id"], "messages": asked, "max_tokens": 200}
    return {
        "credential": "ticket" if client.internal_ticket else "API key",
        "models": status(sent("GET", f"{base}/models")),
        "chat": status(sent("POST", f"{base}/chat/completions", json=body)),
    }


def with_both(_kit: Told) -> object:
    _, base = route()
    return status(sent("GET", f"{base}/models", headers={"Authorization": "Bearer unused"}))


def at_front(_kit: Told) -> object:
    """The environment block of a job, which containers have in a file."""
    from dataiku.base.remoterun import get_env_var  # noqa: PLC0415  # DSS's own, not in every version

    port = get_env_var("DKU_NGINX_PORT") or get_env_var("DKU_BASE_PORT")
    if not port:
        return "no port is told"
    scheme = get_env_var("DKU_BASE_PROTOCOL") or get_env_var("DKU_BACKEND_PROTOCOL") or "http"
    host = get_env_var("DKU_BACKEND_HOST") or "127.0.0.1"
    key = dataiku.default_project_key()
    url = f"{scheme}://{host}:{port}/public/api/projects/{key}/llms/openai/v1/models"
    return status(sent("GET", url))


def route() -> Tuple[Any, str]:
    client = dataiku.api_client()
    key = dataiku.default_project_key()
    return client, f"{client.host.rstrip('/')}/dip/publicapi/projects/{key}/llms/openai/v1"


def sent(method: str, url: str, **more: Any) -> requests.Response:
    session = dataiku.api_client()._session
    session.trust_env = False
    answer: requests.Response = session.request(
        method, url, timeout=300, verify=session.verify, **more
    )
    return answer


def status(response: requests.Response) -> str:
    """DSS's own words, none of what was sent."""
    if response.status_code < 400:
        return f"HTTP {response.status_code}"
    try:
        told = response.json()
    except ValueError:
        return f"HTTP {response.status_code}"
    return (
        f"HTTP {response.status_code} {told.get('errorType', '')}: {str(told.get('message'))[:150]}"
    )
