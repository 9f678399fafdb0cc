"""Tests that share what is dear to start do share it: told to several processes, they arrive in one."""

import subprocess
import sys
from pathlib import Path

from scheduling import TOGETHER

HERE = Path(__file__).parents[1]
TESTS = """
import os, pytest

@pytest.mark.parametrize("number", range(6))
def test_where(number):
    with open("processes", "a") as file:
        print(os.getpid(), file=file)
"""


def test_the_files_exist() -> None:
    assert all((HERE / it).exists() for it in TOGETHER)


def test_they_arrive_in_one_process(tmp_path: Path) -> None:
    file = tmp_path / next(iter(TOGETHER))
    file.parent.mkdir()
    file.write_text(TESTS)
    (tmp_path / "conftest.py").write_text((HERE / "conftest.py").read_text())
    (tmp_path / "pytest.toml").write_text(f'[pytest]\npythonpath = ["{HERE}"]\n')
    command = [sys.executable, "-m", "pytest", "-n", "3", "--dist", "loadgroup", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    processes = (tmp_path / "processes").read_text().split()
    assert len(processes) == 6
    assert len(set(processes)) == 1
