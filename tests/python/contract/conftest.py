"""What tests share that look at pages."""

from collections.abc import Iterator

import pytest

from local_dss.browser import Browser, chromium, running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = chromium()
    if executable is None:
        pytest.skip("Chromium is not on the PATH: nobody looks at the pages.")
    with running(executable) as browser:
        yield browser
