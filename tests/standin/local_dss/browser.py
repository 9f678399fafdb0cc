"""A headless Chromium without a network, spoken to through its DevTools pipe."""

import base64
import contextlib
import json
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",  # containers run as root; the only page is our own
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--remote-debugging-pipe",
)
# Chromium reads commands from 3 and answers on 4.
ON_THE_PIPE = 'exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1'
LONGEST_ANSWER_SECONDS, LONGEST_END_SECONDS = 60.0, 10.0


class BrowserError(Exception):
    """Chromium said no, or nothing."""


def chromium() -> str | None:
    """Where it is on the path."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextlib.contextmanager
def running(executable: str) -> Iterator["Browser"]:
    """A Chromium of its own, gone afterwards."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home,
        subprocess.Popen(
            [
                "/bin/sh",
                "-c",
                ON_THE_PIPE,
                executable,
                *FLAGS,
                f"--user-data-dir={home}",
                "about:blank",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        ) as process,
    ):
        browser = Browser(process)
        try:
            browser.attach()
            yield browser
            browser.close()
            process.wait(LONGEST_END_SECONDS)
        finally:
            process.kill()


class Browser:
    """One page. Opened files are its only world."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._unread = b""
        self._sent = 0
        self._session: dict[str, str] = {}

    def attach(self) -> None:
        """To the page that Chromium starts with."""
        pages: list[str] = []
        while not pages:
            targets = self._ask("Target.getTargets")["targetInfos"]
            pages = [it["targetId"] for it in targets if it["type"] == "page"]
        attached = self._ask("Target.attachToTarget", targetId=pages[0], flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        self._ask("Page.enable")

    def close(self) -> None:
        """Chromium ends."""
        self._session = {}
        self._ask("Browser.close")

    def open(self, path: Path, width: int, height: int) -> None:
        """Returns when the page is loaded, its scripts included."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._ask("Emulation.setDeviceMetricsOverride", **size)
        self._ask("Page.navigate", url=path.resolve().as_uri())
        while self._next().get("method") != "Page.loadEventFired":
            pass

    def prefer(self, scheme: str, medium: str = "screen") -> None:
        """A colour scheme, light or dark, and where pages appear: on a screen or in print."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self._ask("Emulation.setEmulatedMedia", media=medium, features=[feature])

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression on the page. Raises BrowserError for what it throws."""
        answer = self._ask("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise BrowserError(answer["exceptionDetails"]["exception"]["description"])
        return answer["result"].get("value")

    def picture(self, clip: Mapping[str, float]) -> bytes:
        """PNG of a part of the page, also of what one would have to scroll to."""
        answer = self._ask(
            "Page.captureScreenshot", clip={**clip, "scale": 1}, captureBeyondViewport=True
        )
        return base64.b64decode(answer["data"])

    def _ask(self, method: str, **params: Any) -> Any:
        self._sent += 1
        message = {"id": self._sent, "method": method, "params": params, **self._session}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._sent:
            pass
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def _next(self) -> Any:
        """The next answer or event."""
        stream, until = self._process.stdout, time.monotonic() + LONGEST_ANSWER_SECONDS
        assert stream is not None
        while b"\0" not in self._unread:
            if not select.select([stream], [], [], max(0.0, until - time.monotonic()))[0]:
                raise BrowserError(f"Chromium was silent for {LONGEST_ANSWER_SECONDS:.0f} s.")
            read = stream.read(1 << 16)
            if not read:
                raise BrowserError("Chromium ended.")
            self._unread += read
        message, self._unread = self._unread.split(b"\0", 1)
        return json.loads(message)
