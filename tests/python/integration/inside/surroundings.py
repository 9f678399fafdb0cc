"""Inside a recipe: what is around its process. Names of variables, never their values."""

import logging
import os
import platform
from pathlib import Path
from urllib.parse import urlsplit

import dataiku
from integration.inside.saying import Told, attempt


def surroundings(kit: Told) -> None:
    attempt("process", process, kit)
    attempt("versions", versions, kit)
    attempt("table types", table_types, kit)


def process(_kit: Told) -> object:
    parts = urlsplit(dataiku.api_client().host)
    here = parts.hostname in ("localhost", "127.0.0.1")
    return {
        "run name": __name__,
        "variables": sorted(it for it in os.environ if it.startswith(("DKU", "DIP"))),
        "log level": logging.getLevelName(logging.getLogger().level),
        "directory is writable": os.access(".", os.W_OK),
        "files in the directory": len([*Path.cwd().iterdir()]),
        "backend": f"{parts.scheme}, {'this host' if here else 'another host'}",
        "container": "DKU_CONTAINER_EXEC" in os.environ or Path("/.dockerenv").exists(),
    }


def versions(_kit: Told) -> object:
    found = {"python": platform.python_version()}
    try:
        from importlib import metadata  # noqa: PLC0415  # not before Python 3.8
    except ImportError:
        return found
    for name in ("pandas", "numpy", "requests", "dataiku-api-client"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed by pip"
    return found


def table_types(_kit: Told) -> object:
    from dataiku.runnables import ResultTable  # noqa: PLC0415  # may be there for macros alone

    found = {}
    for kind in ("STRING", "INT", "DOUBLE", "BIGINT", "DATE"):
        try:
            ResultTable().add_column("n", "N", kind)
            found[kind] = "taken"
        except Exception as error:  # noqa: BLE001  # its type is the answer
            found[kind] = f"refused ({type(error).__name__})"
    return found
