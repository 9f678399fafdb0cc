"""Reads images from their managed folder, and tells a file that is not there from a folder that cannot be read."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Protocol, TypeVar

from mesh_prompt_batch.answer_block import Stream
from mesh_prompt_batch.errors import RunStoppedError, invalid_row
from mesh_prompt_batch.image_cell import too_large
from mesh_prompt_batch.image_file import (
    HEAD_BYTES,
    KINDS,
    LARGEST_IMAGE_BYTES,
    FolderImage,
    data_url,
    media_type_of,
    new_digest,
)
from mesh_prompt_batch.storage_attempts import ATTEMPTS, tried

Result = TypeVar("Result")
_BLOCK_BYTES = 1 << 20


class ImageFolder(Protocol):
    """A managed folder; used by one thread."""

    def read(self, name: str) -> AbstractContextManager[Stream]: ...

    def has(self, name: str) -> bool:
        """Whether there is such a file."""


class ImageReader:
    """One thread's way to the folder.

    Methods raise RequestError (`invalid_row`) for a file that is not there or cannot be sent; its words have `{}` in
    the place of the name. They raise RunStoppedError where the folder itself cannot be read.
    """

    def __init__(
        self, open_folder: Callable[[], ImageFolder], sleep: Callable[[float], object] = time.sleep
    ) -> None:
        self._open_folder = open_folder
        self._sleep = sleep
        self._folder: ImageFolder | None = None

    def looked_up(self, path: str) -> FolderImage:
        """What the file is, without keeping its bytes."""
        return self._tried(path, partial(_looked_up, path=path))

    def data_url(self, image: FolderImage) -> str:
        """Raises RequestError as well where the content is no longer what it was when it was looked up."""
        return self._tried(image.path, partial(_data_url, image=image))

    def _tried(self, path: str, use: Callable[[Stream], Result]) -> Result:
        def used() -> Result:
            if self._folder is None:
                self._folder = self._open_folder()
            with self._folder.read(path) as stream:
                return use(stream)

        return tried(used, partial(self._check_there, path), self._sleep)

    def _check_there(self, path: str, error: Exception, attempt: int) -> None:
        """No error type tells a file that is missing: the folder has to be asked."""
        try:
            there = self._folder is None or self._folder.has(path)
        except Exception as failure:  # noqa: BLE001  # any storage, any error
            there, error, self._folder = True, failure, None
        if not there:
            raise invalid_row("The image '{}' is not in the folder 'Images'.") from None
        if attempt < ATTEMPTS:
            return
        if self._folder is None:
            raise RunStoppedError(
                f"The folder 'Images' cannot be read ({type(error).__name__}): check its connection and your rights"
                " on it, then run again."
            ) from None
        raise invalid_row("The image '{}' in the folder 'Images' cannot be read.") from None


def _looked_up(stream: Stream, path: str) -> FolderImage:
    head, size, digest = b"", 0, new_digest()
    while block := stream.read(_BLOCK_BYTES):
        # A stream may give fewer bytes than it is asked for.
        head += block[: HEAD_BYTES - len(head)]
        size += len(block)
        digest.update(block)
        if size > LARGEST_IMAGE_BYTES:
            raise invalid_row("The image '{}' " + too_large())
    media_type = media_type_of(head)
    if media_type is None:
        raise invalid_row(f"The file '{{}}' in the folder 'Images' is no {KINDS} image.")
    return FolderImage(path, media_type, size, digest.hexdigest())


def _data_url(stream: Stream, image: FolderImage) -> str:
    digest = new_digest()

    def blocks() -> Iterator[bytes]:
        size = 0
        while size <= image.size and (block := stream.read(_BLOCK_BYTES)):
            size += len(block)
            digest.update(block)
            yield block

    url = data_url(image.media_type, blocks())
    if digest.hexdigest() != image.digest:
        raise invalid_row("The image '{}' changed while the run went on: run again.")
    return url
