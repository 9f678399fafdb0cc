"""The stand-in's `dataiku`: what plugin code may call inside DSS, over a project that is a folder."""

import sys

import dataikuapi

from dataiku._dataset import Dataset
from dataiku._folder import Folder
from dataiku._job import job

__all__ = [
    "Dataset",
    "Folder",
    "api_client",
    "default_project_key",
    "get_custom_variables",
    "use_plugin_libs",
]


def api_client() -> dataikuapi.DSSClient:
    """The real public client, with the ticket or key of this process."""
    described = job()
    client = dataikuapi.DSSClient(
        described.host, api_key=described.api_key, internal_ticket=described.ticket
    )
    client._session.verify = described.verify
    return client


def default_project_key() -> str:
    return job().project_key


def get_custom_variables() -> dict[str, str]:
    return dict(job().variables)


def __getattr__(name: str) -> object:
    described = job()
    if name == "dku_flow_variables" and described.partition:
        return {"DKU_DST_part": described.partition, "DKU_SRC_part": described.partition}
    raise AttributeError(f"The stand-in's dataiku has no {name}.")


def use_plugin_libs(plugin_id: str) -> None:
    """Makes the plugin's python-lib importable, in notebooks and code recipes."""
    library = job().plugin_libraries.get(plugin_id)
    if library is None:
        raise ValueError(f"There is no plugin {plugin_id} on this instance.")
    sys.path.append(library)
