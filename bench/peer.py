"""A module of `contenders/` as a process of its own: it checks each answer as it comes, see `workload.py`."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.stub import BenchError

ROOT = Path(__file__).resolve().parent.parent
LAST_LINES = 15
# Nothing of the caller's environment reaches a peer, and no peer asks the network for anything.
OFFLINE = {
    "CURATOR_DISABLE_CACHE": "1",
    "CURATOR_DISABLE_RICH_DISPLAY": "1",
    "HF_HUB_OFFLINE": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "TELEMETRY_ENABLED": "false",
}


@dataclass
class Peer:
    """`directory` is its home, and takes what it prints."""

    module: str
    python: Path
    base_url: str
    rows: int
    directory: Path

    def start(self) -> "subprocess.Popen[str]":
        home = {"PATH": os.environ["PATH"], "HOME": str(self.directory), "PYTHONPATH": str(ROOT)}
        with self._printed.open("w") as printed:
            self._process = subprocess.Popen(
                [str(self.python), "-m", self.module, self.base_url, str(self.rows)],
                cwd=self.directory,
                env=home | OFFLINE,
                stdout=printed,
                stderr=subprocess.STDOUT,
                text=True,
            )
        return self._process

    def check(self) -> None:
        """Raises BenchError with its last lines."""
        if self._process.returncode != 0:
            lines = self._printed.read_text(errors="replace").splitlines()
            raise BenchError("\n".join(lines[-LAST_LINES:]))

    @property
    def _printed(self) -> Path:
        return self.directory / "printed.txt"
