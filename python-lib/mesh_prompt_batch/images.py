"""The images of a run: each file is looked at when its rows are read, and read when a call sends it."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, cast

from mesh_prompt_batch.byte_budget import ByteBudget
from mesh_prompt_batch.completion import Call, Completion, CompletionRequest
from mesh_prompt_batch.errors import RequestError, invalid_row
from mesh_prompt_batch.image_cell import NamedImage, images_named, shown
from mesh_prompt_batch.image_file import FolderImage
from mesh_prompt_batch.image_parts import filled, image_urls
from mesh_prompt_batch.image_reader import ImageFolder, ImageReader
from mesh_prompt_batch.looked_up_images import found_cell
from mesh_prompt_batch.reading_threads import ReadingThreads

if TYPE_CHECKING:
    from typing_extensions import Self

logger = logging.getLogger(__name__)

READING_THREADS = 4
MOST_BYTES_IN_FLIGHT = 256 * 1024 * 1024
# What is sent is in memory as text, in the request's body, and in the buffer of its connection.
COPIES = 3
# Rows whose images are looked at before they are asked: the first call need not wait for a whole chunk.
ROWS_AT_ONCE = 32
# More than so many rows can name.
REMEMBERED_FILES = 10_000
Chunk = list[tuple[str, ...]]
Readers = ReadingThreads[ImageReader]
_NO_FOLDER = "The image '{}' is a file: add the managed folder that holds it to the recipe's inputs as 'Images'."


class RunImages:
    """From entering to leaving, files are read by a few threads."""

    def __init__(
        self,
        position: int | None,
        open_folder: Callable[[], ImageFolder] | None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """`position`: of the cell that names a row's images; None where no image column was chosen.

        `open_folder` is None where the recipe has no folder with images; else it is called in each thread that reads.
        """
        self._position = position
        self._found: OrderedDict[str, FolderImage | str] = OrderedDict()
        self._warned = False
        self._readers: Readers | None = None
        if position is not None and open_folder is not None:
            self._readers = ReadingThreads(lambda: ImageReader(open_folder, sleep), READING_THREADS)

    def __enter__(self) -> "Self":
        if self._readers is not None:
            self._readers.__enter__()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._readers is not None:
            self._readers.__exit__(error_type, error, traceback)

    def looked_up(self, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        """The rows, with what `looked_up_images.py` makes of their images as one more cell.

        Raises RunStoppedError where the folder cannot be read.
        """
        if self._position is None:
            yield from chunks
            return
        for chunk in chunks:
            for start in range(0, len(chunk), ROWS_AT_ONCE):
                yield self._with_found(chunk[start : start + ROWS_AT_ONCE], self._position)

    def sending(
        self, calls: AbstractAsyncContextManager[Call]
    ) -> AbstractAsyncContextManager[Call]:
        """The calls, each with the bytes of its images."""
        if self._position is None:
            return calls
        return ImageCalls(calls, self._readers, MOST_BYTES_IN_FLIGHT)

    def _with_found(self, rows: Chunk, position: int) -> Chunk:
        named = [_named(row[position]) for row in rows]
        self._find(dict.fromkeys(it.path for images in named for it in images if it.path))
        return [
            (*row, found_cell(images, self._found)) for row, images in zip(rows, named, strict=True)
        ]

    def _find(self, paths: Iterable[str]) -> None:
        new = []
        for path in paths:
            if path in self._found:
                self._found.move_to_end(path)
            else:
                new.append(path)
        self._found.update(zip(new, self._look(new), strict=True))
        while len(self._found) > REMEMBERED_FILES:
            self._found.popitem(last=False)

    def _look(self, paths: Sequence[str]) -> Iterable[FolderImage | str]:
        if self._readers is not None:
            return self._readers.in_order(partial(_looked_up, path=path) for path in paths)
        if paths and not self._warned:
            self._warned = True
            logger.warning(
                "Rows name image files, but the recipe has no folder 'Images' among its inputs: these rows fail."
            )
        return [_NO_FOLDER] * len(paths)


class ImageCalls:
    """Calls whose images are read when they start, and forgotten when they end."""

    def __init__(
        self,
        calls: AbstractAsyncContextManager[Call],
        readers: Readers | None,
        most_bytes: int,
    ) -> None:
        self._calls = calls
        self._readers = readers
        self._budget = ByteBudget(most_bytes)

    async def __aenter__(self) -> Call:
        self._call = await self._calls.__aenter__()
        return self._complete

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._calls.__aexit__(error_type, error, traceback)

    async def _complete(self, request: CompletionRequest) -> Completion:
        files = {image.short_url: image for image in request.images}
        size = sum(
            files[url].bytes_sent if url in files else len(url) for url in image_urls(request)
        )
        async with self._budget.held(COPIES * size):
            return await self._call(filled(request, await self._read(files)))

    async def _read(self, files: Mapping[str, FolderImage]) -> Mapping[str, str]:
        readers = self._readers
        if readers is None:
            return {}
        reads = [
            asyncio.wrap_future(readers.submit(partial(_data_url, image=it)))
            for it in files.values()
        ]
        # All are awaited, also where one fails: what they hold is within the budget until then.
        read = await asyncio.gather(*reads, return_exceptions=True)
        for one in read:
            if isinstance(one, BaseException):
                raise one
        return dict(zip(files, cast("list[str]", read), strict=True))


def _named(cell: str) -> tuple[NamedImage, ...]:
    try:
        return images_named(cell)
    except RequestError:
        # Said when the row's turn comes.
        return ()


def _looked_up(reader: ImageReader, path: str) -> FolderImage | str:
    try:
        return reader.looked_up(path)
    except RequestError as error:
        return error.provider_words


def _data_url(reader: ImageReader, image: FolderImage) -> str:
    try:
        return reader.data_url(image)
    except RequestError as error:
        raise invalid_row(error.provider_words.format(shown(image.path))) from None
