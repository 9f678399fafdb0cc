"""What a process inside DSS can offer the Mesh: its ticket, a user's secret, the plugin's key, a temporary key.

Works on the `dataikuapi.DSSClient` that DSS hands out; asks it no more than the candidate in turn needs.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mesh_prompt_batch.endpoint import Endpoint, internal_url, public_url
from mesh_prompt_batch.plugin_settings import PluginSettings

logger = logging.getLogger(__name__)

SECRET_NAME = "mesh-prompt-batch-api-key"  # noqa: S105  # a name, not a secret
KEY_LABEL = "mesh-prompt-batch, temporary"


class PersonalKey(Protocol):
    """As dataikuapi has it."""

    def delete(self) -> object: ...


class DSSClient(Protocol):
    """The part of `dataikuapi.DSSClient` that is used here."""

    host: str

    def get_auth_info(self, *, with_secrets: bool) -> Mapping[str, object]: ...
    def create_personal_api_key(self, *, label: str, description: str) -> Mapping[str, str]: ...
    def list_personal_api_keys(self) -> Sequence[Mapping[str, object]]: ...
    def get_personal_api_key(self, key_id: str) -> PersonalKey: ...


@dataclass(slots=True)
class TemporaryKeys:
    """Personal API keys that live as long as one run.

    `run` tells runs apart that may go on at once; a key of the same run's name is what a killed one left behind.
    """

    client: DSSClient
    run: str
    made: str | None = None

    @property
    def label(self) -> str:
        return f"{KEY_LABEL}: {self.run}"

    def make(self) -> str:
        """The secret of a new key, the one made before being deleted."""
        self.delete()
        self._delete_leftovers()
        key = self.client.create_personal_api_key(
            label=self.label, description="Made by a run for itself; deleted when it ends."
        )
        self.made = key["id"]
        logger.info("Made a temporary API key for this run.")
        return key["key"]

    def delete(self) -> None:
        if self.made is not None:
            key_id, self.made = self.made, None
            self.client.get_personal_api_key(key_id).delete()
            logger.info("Deleted the temporary API key of this run.")

    def _delete_leftovers(self) -> None:
        for key in self.client.list_personal_api_keys():
            if key.get("label") == self.label:
                self.client.get_personal_api_key(str(key["id"])).delete()
                logger.info("Deleted a temporary API key that an earlier run left behind.")


def candidates(
    client: DSSClient,
    project_key: str,
    plugin: PluginSettings,
    front_address: Callable[[], str | None],
    temporary_keys: TemporaryKeys,
) -> Iterator[Endpoint]:
    """Endpoints in the order they should be tried.

    `front_address` gives the address of the port that browsers use, where this process knows it.
    """
    verify = plugin.ca_bundle or _session_verify(client)
    addresses = _addresses(client.host, project_key, plugin.dss_url, front_address())
    ticket = getattr(client, "internal_ticket", None)
    for credential, key in _credentials(client, plugin, temporary_keys):
        for address in addresses:
            if key is None:
                headers = {"X-DKU-APITicket": str(ticket)}
                yield Endpoint(address, credential, headers, verify=verify)
            else:
                yield Endpoint(address, credential, api_key=key, verify=verify)


def _credentials(
    client: DSSClient, plugin: PluginSettings, temporary_keys: TemporaryKeys
) -> Iterator[tuple[str, str | None]]:
    """Pairs of a credential's kind and its key; None stands for the client's own ticket."""
    if getattr(client, "internal_ticket", None):
        yield "the job's own ticket", None
    own_key = getattr(client, "api_key", None) or getattr(client, "jwt_bearer_token", None)
    if own_key:
        yield "the API key of this session", str(own_key)
    secret = _user_secret(client)
    if secret:
        yield f"your user secret '{SECRET_NAME}'", secret
    if plugin.api_key:
        yield "the API key of the plugin's settings", plugin.api_key
    if plugin.temporary_api_keys:
        yield "a temporary API key", temporary_keys.make()


def _user_secret(client: DSSClient) -> str | None:
    try:
        secrets = client.get_auth_info(with_secrets=True).get("secrets")
    except Exception as error:  # noqa: BLE001  # a group may not read secrets: other credentials are left to try
        logger.info(f"User secrets cannot be read here ({type(error).__name__}).")
        return None
    for secret in secrets if isinstance(secrets, Sequence) else ():
        if isinstance(secret, Mapping) and secret.get("key") == SECRET_NAME:
            return str(secret.get("value") or "") or None
    return None


def _addresses(host: str, project_key: str, dss_url: str, front: str | None) -> list[str]:
    addresses = [internal_url(host, project_key)]
    if front:
        addresses.append(public_url(front, project_key))
    if dss_url:
        addresses.append(public_url(dss_url, project_key))
    return list(dict.fromkeys(addresses))


def _session_verify(client: DSSClient) -> bool | str:
    verify = getattr(getattr(client, "_session", None), "verify", True)
    return verify if isinstance(verify, (bool, str)) else True
