"""Starts the embedded real model and gives its address."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

SERVE = Path(__file__).with_name("serve.py")
MODEL = "smollm2-135m-instruct"


class EmbeddedModelError(Exception):
    """The model cannot run here; the message says why."""


@contextlib.contextmanager
def running_model(python: Path, log: Path) -> Iterator[str]:
    """Base URL of the model, served while the context lasts. `python`: that of the `embedded` environment.

    Raises EmbeddedModelError where it does not start; `log` then says more.
    """
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [str(python), str(SERVE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    with process:
        try:
            yield _address(process, log)
        finally:
            # Its standard input closes with it, should it ignore the wish to end.
            process.terminate()


def _address(process: "subprocess.Popen[str]", log: Path) -> str:
    for line in process.stdout or ():
        word, _, address = line.strip().partition(" ")
        if word == "READY":
            return address
    last = log.read_text(errors="replace").strip().splitlines()[-1:]
    raise EmbeddedModelError(
        f"The embedded model does not start on this machine: {' '.join(last) or 'no reason given'}"
    )
