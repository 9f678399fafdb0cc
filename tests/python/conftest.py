"""What holds for every test."""

import os
from typing import Any

import hypothesis
import pytest

from scheduling import TogetherScheduling

# Processors are shared: an example that had to wait for one has not failed.
hypothesis.settings.register_profile(
    "shared", deadline=None, max_examples=int(os.environ.get("EXAMPLES", "100"))
)
hypothesis.settings.load_profile("shared")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> TogetherScheduling | None:
    """Asked where tests are handed to several processes."""
    return TogetherScheduling(config, log) if config.getoption("dist") == "loadgroup" else None
