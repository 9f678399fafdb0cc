"""Benchmarks are no tests, but a command that cannot start helps nobody."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
# These are started in the environment of the tests.
ELSEWHERE = {"soak", "validation"}
MODULES = sorted({it.stem for it in (ROOT / "bench").glob("[a-z]*.py")} - ELSEWHERE)


@pytest.mark.parametrize("module", MODULES)
def test_it_is_found_with_nothing_but_the_standard_library(module: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-S", "-c", f"import bench.{module}"],
        cwd=ROOT,
        env={},
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
