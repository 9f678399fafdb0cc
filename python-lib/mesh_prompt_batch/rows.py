"""Rows on their way into the run store, each with the key of its answer."""

from collections.abc import Callable, Sequence

from mesh_prompt_batch.completion import CompletionRequest
from mesh_prompt_batch.errors import RequestError
from mesh_prompt_batch.fingerprint import fingerprint, nth_twin
from mesh_prompt_batch.run_store import KeyedRow, Reused, RunStore

Row = Sequence[str]


class Rows:
    """Identical rows share one key where they are asked once, and have keys of their own where each is asked.

    `llm_ids`: the LLMs that rows ask, in the order of their lanes.
    """

    def __init__(
        self,
        request_from_row: Callable[[Row], CompletionRequest],
        store: RunStore,
        *,
        identical_once: bool,
    ) -> None:
        self._request_from_row = request_from_row
        self._store = store
        self._identical_once = identical_once
        self._lanes: dict[str, int] = {}

    @property
    def llm_ids(self) -> list[str]:
        return [*self._lanes]

    def add(self, first_number: int, rows: Sequence[Row]) -> Reused:
        """Rows in input order, numbered from `first_number`."""
        keyed = [self._keyed(row) for row in rows]
        keys = [key for key, _ in keyed]
        if not self._identical_once:
            asked = [key for key in keys if key is not None]
            times = iter(self._store.times_seen(asked))
            keys = [key if key is None else nth_twin(key, next(times)) for key in keys]
        lanes = [lane for _, lane in keyed]
        return self._store.add_rows(first_number, [*map(KeyedRow, rows, keys, lanes)])

    def _keyed(self, row: Row) -> tuple[bytes | None, int]:
        try:
            request = self._request_from_row(row)
        except RequestError:
            # The engine says so when the row's turn comes.
            return None, 0
        return fingerprint(request), self._lanes.setdefault(request.llm_id, len(self._lanes))
