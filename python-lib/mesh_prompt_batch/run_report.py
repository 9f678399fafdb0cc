"""Writes the report and the history of a run into its run folder when the run has ended, however it did."""

import importlib.metadata
import logging
import platform
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from types import TracebackType
from typing import TYPE_CHECKING

from mesh_prompt_batch.errors import PromptBatchError
from mesh_prompt_batch.process import AbortedError
from mesh_prompt_batch.report import Told, report_page
from mesh_prompt_batch.run_folder import RunFolder
from mesh_prompt_batch.run_history import kept_lines, records_of, write_lines
from mesh_prompt_batch.run_record import (
    ABORTED,
    BROKEN,
    COMPLETED,
    PUBLISHED,
    STOPPED,
    RunRecord,
    counts_of,
    settings_shown,
)
from mesh_prompt_batch.run_store import RunStore
from mesh_prompt_batch.spending import SpendLimit
from mesh_prompt_batch.totals import Totals
from mesh_prompt_batch.version import VERSION

if TYPE_CHECKING:
    from typing_extensions import Self

logger = logging.getLogger(__name__)

REPORT = "report.html"
MOST_RUNS_SHOWN = 20
PACKAGES = ("openai", "aiohttp", "pandas", "jsonschema", "genai-prices")


class RunReport:
    """Surrounds a run. A run that never `began`, as another one is at work on the folder, leaves no trace."""

    def __init__(
        self,
        run_id: str,
        settings: Mapping[str, object],
        totals: Totals,
        open_folder: Callable[[], RunFolder] | None,
    ) -> None:
        """`open_folder` is None where the recipe has no run folder: then nothing is written."""
        self._run_id = run_id
        self._settings = settings
        self._totals = totals
        self._open_folder = open_folder
        self._started = _now()
        self._store: RunStore | None = None
        self._spend: SpendLimit | None = None

    def began(self, store: RunStore, spend: SpendLimit | None) -> None:
        self._store, self._spend = store, spend

    def __enter__(self) -> "Self":
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._open_folder is None or self._store is None:
            return
        try:
            folder = self._open_folder()
            self._write(folder, self._record(error, self._store.failed_copies()))
            logger.info(f"The run report is {folder.path(REPORT)} in the run folder.")
        except Exception as failure:  # noqa: BLE001  # whatever it was: the run is what counts
            logger.warning(f"The run report could not be written ({type(failure).__name__}).")

    def _write(self, folder: RunFolder, record: RunRecord) -> None:
        lines = kept_lines(folder)
        earlier = records_of(lines[-MOST_RUNS_SHOWN:])[-MOST_RUNS_SHOWN + 1 :]
        told = Told(folder.name, record, self._totals.course, self._totals.examples, earlier)
        page = report_page(told).encode()
        write_lines(folder, [*lines, record.to_line()])
        folder.write_bytes(REPORT, page)

    def _record(self, error: BaseException | None, failed_copies: int) -> RunRecord:
        outcome, sentence = _ending(error, self._totals, failed_copies)
        spend = None if self._spend is None else self._spend.spend
        return RunRecord(
            run_id=self._run_id,
            started=self._started,
            ended=_now(),
            outcome=outcome,
            sentence=sentence,
            identical_failed=failed_copies,
            spend_limit="" if spend is None else str(spend.limit),
            spent_of_limit="" if spend is None else str(spend.spent),
            settings=settings_shown(self._settings),
            versions=_versions(),
            **counts_of(self._totals),
        )


def _ending(error: BaseException | None, totals: Totals, failed_copies: int) -> tuple[str, str]:
    if isinstance(error, AbortedError):
        return ABORTED, str(error)
    if isinstance(error, PromptBatchError):
        return STOPPED, str(error)
    if error is not None:
        # Its words may quote a prompt.
        return (
            BROKEN,
            f"An error that nobody foresaw ended the run ({type(error).__name__}): see the job's log.",
        )
    if totals.stopped_by:
        return PUBLISHED, totals.stopped_by
    failed = totals.failed + failed_copies
    if not failed:
        return COMPLETED, f"All {totals.rows:,} rows are answered and in the output."
    return (
        COMPLETED,
        f"Of {totals.rows:,} rows {totals.rows - failed:,} are answered, {failed:,} failed; all are in the output.",
    )


def _versions() -> dict[str, str]:
    return {"Prompt batch": VERSION, "Python": platform.python_version(), **_installed()}


def _installed() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
