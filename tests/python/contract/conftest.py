"""What contract tests share: a browser, for those that look at pages, and this process as a job."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import dataiku._job
from job_here import Job
from local_dss.browser import Browser, chromium, running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = chromium()
    if executable is None:
        pytest.skip("Chromium is not on the PATH: nobody looks at the pages.")
    with running(executable) as browser:
        yield browser


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Job]:
    yield Job(tmp_path, monkeypatch)
    dataiku._job.job.cache_clear()
