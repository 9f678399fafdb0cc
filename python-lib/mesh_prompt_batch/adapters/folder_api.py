"""The only import of dataikuapi: a managed folder through DSS's public API, from wherever DSS can be reached."""

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import IO

import dataikuapi

from mesh_prompt_batch.answer_block import Stream

# To connect, and between two bytes: a backend that hangs is to fail, so that it can be asked again.
TIMEOUT_SECONDS = (10.0, 120.0)


class ApiFolder:
    """One thread's way to it, by streams of whole objects."""

    def __init__(
        self, url: str, api_key: str, project_key: str, folder_id: str, *, verify: bool | str = True
    ) -> None:
        """`verify`: True, False, or the path of a PEM file."""
        client = dataikuapi.DSSClient(url.rstrip("/"), api_key)
        session = client._session  # noqa: SLF001  # the client has no setting for a PEM file, or for time
        session.verify = verify
        # Without it a request would wait for ever.
        session.request = partial(session.request, timeout=TIMEOUT_SECONDS)
        self._folder = client.get_project(project_key).get_managed_folder(folder_id)

    def names(self) -> list[str]:
        return [str(it["path"]).lstrip("/") for it in self._folder.list_contents()["items"]]

    @contextlib.contextmanager
    def read(self, name: str) -> Iterator[Stream]:
        with self._folder.get_file(name) as response:
            response.raw.decode_content = True
            yield response.raw

    def has(self, name: str) -> bool:
        return name.lstrip("/") in self.names()

    def write(self, name: str, stream: IO[bytes]) -> None:
        with stream:
            self._folder.put_file(name, stream)

    def delete(self, name: str) -> None:
        self._folder.delete_file(name)
