"""The thread that keeps this run's lease among those of other partitions, and finds out its share of the limits."""

import contextlib
import logging
import threading
import time
import uuid
from collections.abc import Callable

from mesh_prompt_batch.errors import RunStoppedError
from mesh_prompt_batch.leases import LEASES, Lease
from mesh_prompt_batch.own_limits import Share
from mesh_prompt_batch.run_folder import RunFolder, tell_strays
from mesh_prompt_batch.run_settings import LABELS
from mesh_prompt_batch.shares import SETTLE_SECONDS, Shares

logger = logging.getLogger(__name__)

# Storage is busy with leases for a sixth of the time at most, where that leaves enough of them.
BEAT_TIMES_BETWEEN = 5.0
LONGEST_PAUSE_SECONDS = 6.0
NOT_SHARED = (
    f"'{LABELS['requests_per_minute']}' and '{LABELS['tokens_per_minute']}' hold for each partition on its own, as no"
    " run folder tells partitions of each other: add one, or build one partition at a time."
)


class ShareKeeper:
    """From entering to leaving. A thread of its own: a lease has to be renewed while answers are uploaded for minutes.

    `open_folder` is called in that thread.
    """

    def __init__(
        self, open_folder: Callable[[], RunFolder], partition: str, *, replaces: bool
    ) -> None:
        """`replaces`: other runs of the partition are at an end."""
        self._open_folder = open_folder
        self._shares = Shares(partition, uuid.uuid4().hex[:12], replaces=replaces)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="prompt-batch-shares", daemon=True)
        self._written: list[str] = []
        self._living = 0
        self._failed = False

    def __enter__(self) -> Share:
        """Of the limits a minute, at a moment of `time.monotonic`."""
        self._thread.start()
        return self._shares.share

    def __exit__(self, *_: object) -> None:
        """No call is in flight any more: the others may have this run's share."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        folder: RunFolder | None = None
        pause = 0.0
        while not self._ending.wait(pause):
            began = time.monotonic()
            try:
                folder = folder or self._open_folder().beside(LEASES)
                self._beat(folder)
            except Exception as error:  # noqa: BLE001  # any storage: the share is never more than before
                self._tell_failure(error)
            took = time.monotonic() - began
            pause = min(max(SETTLE_SECONDS, BEAT_TIMES_BETWEEN * took), LONGEST_PAUSE_SECONDS)
        if folder is not None:
            with contextlib.suppress(Exception):
                self._write(folder, self._shares.last_lease(), kept=1)

    def _beat(self, folder: RunFolder) -> None:
        began = time.monotonic()
        try:
            names = folder.names_below("")
        except RunStoppedError as error:
            # Others have to see that this run lives, all the more.
            names = []
            self._tell_failure(error)
        else:
            leases = [it for it in map(Lease.from_name, names) if it is not None]
            if not self._living:
                # Once, not with every beat.
                tell_strays(folder, [it for it in names if Lease.from_name(it) is None])
            self._shares.look(began, time.monotonic(), leases)
            self._tell_share()
        began = time.monotonic()
        self._write(folder, self._shares.next_lease())
        self._shares.told(began, time.monotonic())
        for lease in self._shares.of_no_use(time.monotonic()):
            folder.delete(lease.name)

    def _write(self, folder: RunFolder, lease: Lease, kept: int = 2) -> None:
        """The last but one stays: the newest is not yet seen by everybody."""
        folder.write_mark(lease.name)
        self._written.append(lease.name)
        while len(self._written) > kept:
            folder.delete(self._written[0])
            del self._written[0]

    def _tell_share(self) -> None:
        living = self._shares.living
        if living != self._living:
            logger.info(
                f"{living} partitions are at work: this run has 1/{living} of the limits a minute."
                if living > 1
                else "No other partition is at work: this run has the limits a minute to itself."
            )
        self._living = living

    def _tell_failure(self, error: Exception) -> None:
        if not self._failed:
            logger.warning(
                f"The run folder failed ({type(error).__name__}) where partitions tell each other that they live: no"
                " call starts while others may have taken this run's share of the limits."
            )
        self._failed = True
