"""What a process inside DSS can offer the Mesh: its ticket, a user's secret, the plugin's key, a temporary key.

Works on the `dataikuapi.DSSClient` that DSS hands out; asks it no more than the candidate in turn needs.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mesh_prompt_batch.endpoint import Endpoint, internal_url, public_url
from mesh_prompt_batch.plugin_settings import PluginSettings

logger = logging.getLogger(__name__)

SECRET_NAME = "mesh-prompt-batch-api-key"  # noqa: S105  # a name, not a secret
KEY_LABEL = "mesh-prompt-batch, temporary"
# No macro is at work for that long.
SURELY_LEFT_SECONDS = 86_400.0


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
    """Personal API keys that live as long as one run. That one cannot be deleted fails nothing: the log says so.

    `run` is in their label. alone: whether no two runs of that name are at work at once, so that a key of its label is
    what a killed one left behind; else it is when it was made more than a day ago.
    """

    client: DSSClient
    run: str
    alone: bool = False
    made: str | None = None

    @property
    def label(self) -> str:
        return f"{KEY_LABEL}: {self.run}"

    def make(self) -> str | None:
        """The secret of a new key, the one made before being deleted; None where none can be made."""
        self.delete()
        try:
            key = self.client.create_personal_api_key(
                label=self.label, description="Made by a run for itself; deleted when it ends."
            )
        except Exception as error:  # noqa: BLE001  # DSS may forbid it: what was tried before says more
            logger.warning(f"A temporary API key cannot be made here ({type(error).__name__}).")
            return None
        self.made = key["id"]
        logger.info("Made a temporary API key for this run.")
        return key["key"]

    def delete(self) -> None:
        if self.made is not None:
            key_id, self.made = self.made, None
            with self._failure_logged():
                self.client.get_personal_api_key(key_id).delete()
                logger.info("Deleted the temporary API key of this run.")

    def delete_leftovers(self) -> None:
        """Those of runs of this name that were killed."""
        try:
            keys = self.client.list_personal_api_keys()
            left = [str(key["id"]) for key in keys if self._is_left(key)]
        except Exception as error:  # noqa: BLE001  # of DSS or of the network: the run goes on
            logger.warning(
                f"Whether a killed run left a temporary API key cannot be told ({type(error).__name__}): your profile"
                f" would list it as '{self.label}'."
            )
            return
        for key_id in left:
            with self._failure_logged():
                self.client.get_personal_api_key(key_id).delete()
                logger.info("Deleted a temporary API key that an earlier run left behind.")

    def _is_left(self, key: Mapping[str, object]) -> bool:
        made = key.get("createdOn")
        old = isinstance(made, int) and made / 1000.0 < time.time() - SURELY_LEFT_SECONDS
        return key.get("label") == self.label and (self.alone or old)

    @contextlib.contextmanager
    def _failure_logged(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001  # of DSS or of the network: the run goes on
            logger.warning(
                f"A temporary API key could not be deleted ({type(error).__name__}): if your profile still lists"
                f" '{self.label}' when this run has ended, delete it there."
            )


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
    addresses = _addresses(client, project_key, plugin, front_address())
    ticket = getattr(client, "internal_ticket", None)
    for credential, key in _credentials(client, plugin, temporary_keys):
        for address, verify in addresses.items():
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
    temporary = temporary_keys.make() if plugin.temporary_api_keys else None
    if temporary:
        yield "a temporary API key", temporary


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


def _addresses(
    client: DSSClient, project_key: str, plugin: PluginSettings, front: str | None
) -> dict[str, bool | str]:
    """Each with the `verify` of an Endpoint.

    What the session says holds for the port that jobs see. A file of its own is that port's alone; that it does not
    check holds for the instance's other port too, but never for an address that an admin typed.
    """
    of_session, of_plugin = _session_verify(client), plugin.ca_bundle or True
    addresses = {
        internal_url(client.host, project_key): of_plugin if of_session is True else of_session
    }
    if front:
        addresses[public_url(front, project_key)] = of_plugin if of_session else of_session
    if plugin.dss_url:
        addresses[public_url(plugin.dss_url, project_key)] = of_plugin
    return addresses


def _session_verify(client: DSSClient) -> bool | str:
    verify = getattr(getattr(client, "_session", None), "verify", True)
    return verify if isinstance(verify, (bool, str)) else True
