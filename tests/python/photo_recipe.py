"""One recipe in memory whose rows name images, and what came with its calls."""

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fakes import FakeCalls, FakeFolder, FakeSource, FakeTarget
from mesh_prompt_batch.batch import complete_dataset
from mesh_prompt_batch.completion import Completion, CompletionRequest
from mesh_prompt_batch.image_parts import image_urls
from mesh_prompt_batch.run_folder import RunFolder
from mesh_prompt_batch.run_parts import Workplace
from mesh_prompt_batch.settings import Settings
from mesh_prompt_batch.totals import Totals


@dataclass
class SeenCalls(FakeCalls):
    """Notes the images that came with each question, and how many bytes of them were in flight."""

    seen: list[tuple[str, list[str]]] = field(default_factory=list)
    bytes_in_flight: int = 0
    most_bytes: int = 0

    async def _complete(self, request: CompletionRequest) -> Completion:
        urls = image_urls(request)
        self.seen.append((list(request.texts())[-1], urls))
        size = sum(map(len, urls))
        self.bytes_in_flight += size
        self.most_bytes = max(self.most_bytes, self.bytes_in_flight)
        try:
            return await super()._complete(request)
        finally:
            self.bytes_in_flight -= size


class OwnedFolder(FakeFolder):
    """As the true ones: it belongs to the thread that opened it."""

    def __init__(self, shared: FakeFolder) -> None:
        super().__init__()
        self.objects, thread = shared.objects, threading.get_ident()

        def own(action: str, name: str) -> None:
            assert threading.get_ident() == thread
            shared.writes.append(f"{action} {name}")
            shared.trouble(action, name)

        self.trouble = own


@dataclass
class Recipe:
    """One recipe over rows of a question and a cell that names images."""

    directory: Path
    photos: FakeFolder | None = field(default_factory=FakeFolder)
    kept: FakeFolder = field(default_factory=FakeFolder)
    target: FakeTarget = field(default_factory=FakeTarget)

    def run(
        self, *rows: tuple[str, str], calls: FakeCalls | None = None, **config: object
    ) -> Totals:
        self.calls = calls or SeenCalls()
        values = {"llm_id": "llm", "user_column": "q", "image_column": "photo", **config}
        place = Workplace(
            self.directory,
            lambda: RunFolder(self.kept, ("P.answers", ""), lambda _: None),
            lambda _: None,
            None if self.photos is None else self.open_photos,
        )
        return complete_dataset(
            FakeSource(["q", "photo"], rows),
            self.target,
            Settings.from_config({"output_columns": "full", **values}, {}),
            lambda: self.calls,
            place,
        )

    def open_photos(self) -> FakeFolder:
        assert self.photos is not None
        return OwnedFolder(self.photos)

    @property
    def seen(self) -> dict[str, list[str]]:
        assert isinstance(self.calls, SeenCalls)
        return dict(self.calls.seen)

    @property
    def errors(self) -> list[Any]:
        return self.target.column("error_message")


def photos(recipe: Recipe, **files: bytes) -> FakeFolder:
    assert recipe.photos is not None
    recipe.photos.objects |= {f"{name}.png": data for name, data in files.items()}
    return recipe.photos
