"""Runs prompts through Dataiku's LLM Mesh: the core of the plugin's recipe and macros, and `MeshClient` for code."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mesh_prompt_batch.client import MeshClient

__all__ = ["MeshClient"]


def __getattr__(name: str) -> object:
    # On first use: the client's library takes a second to import, and the core does without it.
    if name == "MeshClient":
        from mesh_prompt_batch.client import MeshClient  # noqa: PLC0415

        return MeshClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
