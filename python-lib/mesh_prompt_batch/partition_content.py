"""What tells the rows of a partition from all others.

Neither its number, which depends on what Spark does with them, nor their order, but what they ask.
"""

import hashlib
import json
from array import array
from collections.abc import Iterable, Mapping, Sequence

from mesh_prompt_batch import format_settings, image_settings, llm_settings, message_settings

_MOST = 1 << 128
# What shapes answers. A fallback answers in the place of another LLM, and its answers are not kept.
_SHAPING = {
    *llm_settings.LABELS,
    *message_settings.LABELS,
    *format_settings.LABELS,
    *image_settings.LABELS,
} - {"fallback_llm_id"}


class PartitionContent:
    """Of rows in any order; a row that comes twice counts twice."""

    def __init__(self, config: Mapping[str, object]) -> None:
        """`config`: the recipe's parameters; those that shape no answer make no difference."""
        shaping = {name: config[name] for name in sorted(config) if name in _SHAPING}
        self._shaping = hashlib.blake2b(json.dumps(shaping, default=str).encode()).digest()
        self._sum = self._rows = 0
        self._marks = array("Q")

    def add(self, rows: Iterable[Sequence[str]]) -> None:
        for row in rows:
            digest = hashlib.blake2b(
                json.dumps(row).encode(), digest_size=16, key=self._shaping
            ).digest()
            self._sum = (self._sum + int.from_bytes(digest, "big")) % _MOST
            self._rows += 1
            self._marks.append(int.from_bytes(digest[:8], "big"))

    @property
    def name(self) -> str:
        """Fit for a folder; equal for the same rows alone."""
        return f"{self._rows:07d}-{self._sum:032x}"

    @property
    def marks(self) -> Sequence[int]:
        """A number a row, equal for equal rows, as good as never for others."""
        return self._marks
